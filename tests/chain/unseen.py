"""Differences between the master and the log that are put in behind capture's back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice

import psycopg
from psycopg import sql

from adapters.composition.auditing import healer
from domain.events import Event, Origin
from domain.events.track import TrackAdded, TrackUpdated
from projections.audit.audit import Difference, Kind
from projections.audit.healing import removal
from tests.chain.processes import Chain

Found = tuple[str, str, str, str]
"""(table, topic, id, kind) of a difference."""

CHANGED = {
    "party": "name",
    "artist": "display_name",
    "licensor": "party_id",
    "label": "name",
    "release": "title",
    "recording": "title",
    "format": "codec",
    "deal": "commercial_model",
    "identifier": "value_raw",
    "track": "title",
}
"""Table with synthetic rows → a column of text that is changed in those that become stale."""
_WRITTEN = Origin(table="track", position="by hand")


@contextmanager
def unseen(chain: Chain, *tables: str) -> Iterator[psycopg.Connection]:
    """What is done to these tables meanwhile is in no publication, so capture never hears of it."""
    publication = sql.Identifier(chain.settings.connect.publication)
    listed = sql.SQL(", ").join(map(sql.Identifier, tables))
    with psycopg.connect(chain.endpoints.master_dsn, autocommit=True) as connection:
        change = sql.SQL("ALTER PUBLICATION {} {} TABLE {}")
        connection.execute(change.format(publication, sql.SQL("DROP"), listed))
        yield connection
        connection.execute(change.format(publication, sql.SQL("ADD"), listed))


@contextmanager
def without_indexes(master: psycopg.Connection, *tables: str) -> Iterator[None]:
    """These tables have no index but that of their key meanwhile; making one whole is cheaper than
    keeping it up while millions of rows come."""
    found = master.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE NOT indisprimary AND indrelid = ANY(%s::regclass[])",
        (list(tables),),
    ).fetchall()
    for name, _ in found:
        master.execute(sql.SQL("DROP INDEX {}").format(sql.SQL(name)))
    yield
    for _, definition in found:
        master.execute(sql.SQL(definition))


def put_in(chain: Chain, total: int) -> set[Found]:
    """Make the log differ from the master in `total` ways, of each kind in each table that has
    synthetic rows; returns them. Nobody else may change these tables meanwhile."""
    with unseen(chain, *CHANGED) as master:
        rows = {table: _rows(master, table) for table in CHANGED}
        each = max(1, total // (3 * len(CHANGED) + 5))
        made: set[Found] = set()
        for table in CHANGED:
            each_here = min(each, len(rows[table]) // 3)
            made |= _make(master, table, Kind.MISSING, rows[table][:each_here])
            made |= _make(master, table, Kind.GHOST, _take(rows[table], each_here))
            made |= _make(master, table, Kind.STALE, _take(rows[table], each_here))
        made |= _moved(master, _take(rows["deal"], each))
        made |= _written(chain, rows["track"], each)
        made |= _make(master, "track", Kind.STALE, _take(rows["track"], total - len(made)))
    assert len(made) == total
    return made


def _rows(master: psycopg.Connection, table: str) -> list[tuple[str, str]]:
    """(id, topic) of a table's synthetic rows from all over it, in an order of no meaning."""
    topic = sql.Literal(f"catalog.{table}")
    if table == "deal":
        topic = sql.SQL(
            "CASE WHEN use_type LIKE '%Download' THEN 'catalog.download'"
            " ELSE 'catalog.streaming' END"
        )  # type: ignore[assignment]
    statement = sql.SQL(
        "SELECT id, {} FROM {} WHERE id LIKE 'syn:%' ORDER BY hashtext(id), id LIMIT 1000"
    ).format(topic, sql.Identifier(table))
    return [(own, its) for own, its in master.execute(statement)]


def _take(rows: list[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    """The last ones, which are then nobody else's."""
    return [rows.pop() for _ in range(count)]


def _make(
    master: psycopg.Connection, table: str, kind: Kind, rows: Sequence[tuple[str, str]]
) -> set[Found]:
    """Copy rows under a new id, delete them, or change them."""
    name = sql.Identifier(table)
    statement = {
        Kind.MISSING: sql.SQL(
            "INSERT INTO {0} SELECT (jsonb_populate_record(r, jsonb_build_object("
            "'id', 'unseen:' || id))).* FROM {0} r WHERE id = ANY(%s)"
        ).format(name),
        Kind.GHOST: sql.SQL("DELETE FROM {} WHERE id = ANY(%s)").format(name),
        Kind.STALE: sql.SQL("UPDATE {} SET {} = 'unseen' WHERE id = ANY(%s)").format(
            name, sql.Identifier(CHANGED[table])
        ),
    }[kind]
    master.execute(statement, ([own for own, _ in rows],))
    new = "unseen:" if kind is Kind.MISSING else ""
    return {(table, topic, new + own, kind.value) for own, topic in rows}


def _moved(master: psycopg.Connection, rows: Sequence[tuple[str, str]]) -> set[Found]:
    """Give deals a use type of the other topic: each is missing there and a ghost here."""
    other = {
        "catalog.download": ("catalog.streaming", "OnDemandStream"),
        "catalog.streaming": ("catalog.download", "PermanentDownload"),
    }
    made: set[Found] = set()
    for own, topic in rows:
        there, use = other[topic]
        master.execute("UPDATE deal SET use_type = %s WHERE id = %s", (use, own))
        made |= {("deal", topic, own, "ghost"), ("deal", there, own, "missing")}
    return made


def _written(chain: Chain, rows: list[tuple[str, str]], each: int) -> set[Found]:
    """Write events of which the master knows nothing: each kind."""
    now, topic = datetime.now(UTC), "catalog.track"
    gone, other = _take(rows, each), _take(rows, each)
    events: list[Event] = [
        removal(Difference("track", topic, own, Kind.GHOST), now) for own, _ in gone
    ]
    for number, (own, _) in enumerate(other):
        about = {"origin": _WRITTEN, "changed": ["title"], "title": "by hand"}
        events += [
            TrackUpdated(event_id=f"by hand/{number}/0", id=own, **about),  # type: ignore[arg-type]
            TrackAdded(event_id=f"by hand/{number}/1", id=f"by hand:{own}", **about),  # type: ignore[arg-type]
        ]
    with healer(chain.settings, chain.endpoints) as cure:
        cure.write(events)
    kinds = {own: Kind.MISSING for own, _ in gone} | {own: Kind.STALE for own, _ in other}
    kinds |= {f"by hand:{own}": Kind.GHOST for own, _ in other}
    return {("track", topic, own, kind.value) for own, kind in kinds.items()}


def plain_select(chain: Chain, tables: Sequence[str]) -> int:
    """Read every row of the master's tables, as plainly as can be; returns how many."""
    count = 0
    with psycopg.connect(chain.endpoints.master_dsn) as connection:
        for table in tables:
            with connection.cursor(name="plain") as cursor:
                cursor.itersize = 5_000
                cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
                while some := list(islice(cursor, 5_000)):
                    count += len(some)
    return count
