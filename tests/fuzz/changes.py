"""Good change records of every table, and odd ones made of them."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

from adapters.capture.columns import TABLES, Kind
from tests.adapters.capture.forms import POSTGRES, SQL_SERVER, key_with_schema, value, with_schema
from tests.adapters.capture.forms import key as bare_key
from tests.fuzz.mutations import altered, as_json, damaged

_SOME: dict[Kind, tuple[Any, ...]] = {
    Kind.TEXT: ("", "x", "ÿ", "Song"),
    Kind.INTEGER: (0, 7, -3),
    Kind.FLOAT: (0.5, 3.0),
    Kind.BOOLEAN: (True, False),
    Kind.DATE: ("2026-01-02Z", "1999-12-31Z"),
    Kind.INSTANT: ("2026-01-01T00:00:00Z", "2025-06-01T12:30:00.123456Z"),
    Kind.BEGIN: ("2026-01-01T00:00:00Z", "infinity", "-0043-03-15T00:00:00Z"),
    Kind.END: ("2026-01-01T00:00:00Z", "-infinity", "+292278994-08-17T00:00:00Z"),
    Kind.DECIMAL: ("1.50",),
    Kind.TEXTS: ([], ["GB", "US"]),
    Kind.JSON: ('[{"amount": 0.99, "currency": "GBP"}]', "[]"),
}


class Record(NamedTuple):
    """What Kafka holds."""

    topic: str
    key: bytes | None
    value: bytes | None


def good(
    chance: Random, identity: str, sources: Sequence[dict[str, Any]] = (POSTGRES, SQL_SERVER)
) -> Record:
    """A change that makes events or none, but is never at fault."""
    table = chance.choice(sorted(TABLES))
    source = {**chance.choice(sources), "table": table}
    rows = [_row(chance, table, identity) for _ in range(2)]
    op = chance.choice("curd")
    before = rows[0] if op in "ud" else None
    after = None if op == "d" else rows[1]
    bare = value(op, before, after, source)
    schema = chance.random() < 0.3
    content = with_schema(_columns(table), bare) if schema else bare
    key = key_with_schema(identity) if schema else bare_key(identity)
    return Record(f"master.public.{table}", key, content)


def odd(chance: Random, identity: str) -> Record:
    """A good record to which something happened: to its bytes, its structure, its key or topic."""
    topic, key, content = good(chance, identity)
    match chance.randrange(8):
        case 0:
            return Record(topic, key, damaged(chance, content or b""))
        case 1:
            return Record(topic, damaged(chance, key or b""), content)
        case 2:
            return Record(topic, as_json(altered(chance, json.loads(key or b"{}"))), content)
        case 3:
            return Record(
                chance.choice(("master", "", "x.y.z", "master.public.deal")), key, content
            )
        case 4:
            return Record(topic, chance.choice((None, b"", key)), chance.choice((None, b"", b"{}")))
        case _:
            return Record(topic, key, as_json(altered(chance, json.loads(content or b"{}"))))


def _row(chance: Random, table: str, identity: str) -> dict[str, Any]:
    row = {name: chance.choice((None, *_SOME[kind])) for name, kind in TABLES[table].items()}
    return {**row, "id": identity}


def _columns(table: str) -> list[dict[str, Any]]:
    types = {Kind.DATE: "io.debezium.time.IsoDate", Kind.INSTANT: "io.debezium.time.ZonedTimestamp"}
    return [
        {"type": "any", "field": name, **({"name": types[kind]} if kind in types else {})}
        for name, kind in TABLES[table].items()
    ]
