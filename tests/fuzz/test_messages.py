"""Odd ERN messages: told as rows that the master's writer takes, or refused with a reason."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

from lxml import etree

import adapters.ingestion.sample
from adapters.ingestion.ern.message import Message, read
from adapters.ingestion.master.frames import frame_of
from domain.failures import reason_of
from tests.adapters.ingestion.messages import STREAM, album, purge, single_38
from tests.chain.size import Size
from tests.fuzz.mutations import ODD, damaged

_LIMIT = 4 << 20
_SHIPPED = Path(*adapters.ingestion.sample.__path__) / "deliveries"
_GOOD: Sequence[bytes] = (
    album(),
    single_38(STREAM),
    purge("2026-01-01T00:00:00Z"),
    *(path.read_bytes() for path in sorted(_SHIPPED.glob("*.xml"))),
)
_TEXTS = [odd for odd in ODD if isinstance(odd, str) and odd.isprintable()] + [
    "P1Y", "PT-3M", "PT99999999999999H", "PT1e9S", "2026", "2026-02-30", "0000-00-00", "2026-W01-1",
    "Worldwide", "ZZ", "UserDefined", "A1", "R0", "P1", "-1", "1e3", "true", "/", "a/b%2F",
]  # fmt: skip


def _altered(chance: Random, content: bytes) -> bytes:
    """Elements left out, doubled, renamed, emptied, nested; texts and attributes replaced."""
    root = etree.fromstring(content)
    for _ in range(chance.randint(1, 4)):
        elements = [e for e in root.iter() if isinstance(e.tag, str)]
        element, other = chance.choice(elements), chance.choice(elements)
        parent = element.getparent()
        match chance.randrange(8):
            case 0 if parent is not None:
                parent.remove(element)
            case 1 if parent is not None:
                parent.append(etree.fromstring(etree.tostring(element)))
            case 2:
                other.append(etree.fromstring(etree.tostring(element)))
            case 3:
                element.tag = other.tag
            case 4:
                for child in list(element):
                    element.remove(child)
            case 5 if element.attrib:
                element.set(chance.choice(list(element.attrib)), chance.choice(_TEXTS))
            case 6:
                element.set("UserDefinedValue", chance.choice(_TEXTS))
            case _:
                element.text = chance.choice(_TEXTS)
    return etree.tostring(root)


def _is_writable(message: Message) -> None:
    """The rows have the types of their tables, and text that PostgreSQL can hold."""
    for rows in (message.parties, *(statement.rows for statement in message.statements)):
        for table in rows:
            frame = frame_of(table, rows.of(table))
            assert frame["id"].null_count() == 0
            assert b"\0" not in frame.write_ndjson().encode()


def _outcome(content: bytes) -> Message | Exception:
    try:
        return read(content, _LIMIT)
    except Exception as error:
        return error


def test_odd_messages_are_told_or_refused(size: Size) -> None:
    told = refused = 0
    for seed in range(size.fuzzed // 5):
        chance = Random(seed)  # noqa: S311 - no secret
        good = chance.choice(_GOOD)
        content = damaged(chance, good) if chance.random() < 0.4 else _altered(chance, good)
        outcome = _outcome(content)
        if isinstance(outcome, Message):
            _is_writable(outcome)
            told += 1
        else:
            assert type(outcome).__name__ == "Unusable", f"seed {seed}: {reason_of(outcome)}"
            refused += 1
    assert min(told, refused) > 0.1 * (told + refused), (
        "the fuzzer does neither too much nor too little"
    )
