"""The one way of writing to the master catalog: state what is true, and only what differs changes.

A source says of some owners (a release, a track …) all that it knows: whatever the catalog holds
of them beyond that goes, what differs is updated, what is new is inserted, and a row that is the
same stays untouched, its `updated_at` too, so that capture sees nothing. The comparison is done by
PostgreSQL on whole sets: rows go to a temporary table by COPY, then one statement per table and
kind of change.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import LiteralString

import polars as pl
import psycopg
from psycopg import sql

from adapters.ingestion.master.frames import frames_of
from adapters.ingestion.master.tables import METADATA
from domain.failures import Unusable, reason_of

ORDER: tuple[str, ...] = (
    "party",
    "licensor",
    "label",
    "artist",
    "release",
    "recording",
    "track",
    "format",
    "deal",
    "identifier",
    "related_release",
    "contributor",
    "flaw",
)
"""Tables in the order in which rows are added; they are removed in the opposite order."""

_LOCK = 0x6D6173746572  # "master": one writer at a time, so that diffs never race

_OF_THE_ROWS = ("22", "23", "54")
"""Classes of SQLSTATE that say something of the rows, not of the database: data exceptions, broken
constraints, and exceeded limits (an id that is longer than an index takes)."""

_OWNED: Mapping[str, Sequence[LiteralString]] = {
    "release": ("o.kind = 'release' AND t.id = o.id",),
    "recording": ("o.kind = 'recording' AND t.id = o.id",),
    "track": ("o.kind = 'track' AND t.id = o.id",),
    "format": (
        "o.kind = 'track' AND t.track_id = o.id",
        "o.kind = 'release' AND t.release_id = o.id AND t.track_id IS NULL",
        "o.kind = 'whole release' AND t.release_id = o.id",
    ),
    "deal": (
        "o.kind = 'track' AND t.track_id = o.id",
        "o.kind = 'release' AND t.release_id = o.id AND t.track_id IS NULL",
        "o.kind = 'whole release' AND t.release_id = o.id",
        "o.kind = 'deals of release' AND t.release_id = o.id",
    ),
    "identifier": ("t.owner_type = o.kind AND t.owner_id = o.id",),
    "contributor": ("t.owner_type = o.kind AND t.owner_id = o.id",),
    "flaw": ("t.owner_type = o.kind AND t.owner_id = o.id",),
    "related_release": ("o.kind = 'release' AND t.release_id = o.id",),
}
"""Which rows (t) an owner (o) has, by table; several conditions so that each can use an index."""


@dataclass(frozen=True)
class DesiredState:
    """The rows that the master should have after a chunk of a feed, or after one message."""

    rows: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    """Table → its rows: `id` and any of its state columns (absent ones are null); ids unique."""
    plain_rows: Mapping[str, Iterable[dict[str, object]]] = field(default_factory=dict)
    """Such rows, asked for once; they become frames a thousand at a time."""
    owners: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Kind (release, recording, track, party, whole release, deals of release) → ids of which
    `rows` says all."""
    mentioned: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    """Table → rows that are added where their id is unknown and leave a known one as it is."""


def lock(connection: psycopg.Connection) -> None:
    """Keep other ingestions out until this transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


def write(connection: psycopg.Connection, desired: DesiredState, message: str) -> Counter[str]:
    """Bring the catalog into the state `desired`, inside the caller's transaction.

    `message` is the `ern_message.id` that changed rows are marked with. Returns how many rows were
    changed, under keys such as `track inserted`, `deal updated`, `identifier deleted`.

    Raises Unusable where the catalog can't hold what is said; the transaction is then broken.
    """
    try:
        return _write(connection, desired, message)
    except psycopg.Error as error:
        if not is_of_the_rows(error):
            raise
        raise Unusable(f"the master catalog can't hold it: {reason_of(error)}") from error


def is_of_the_rows(error: psycopg.Error) -> bool:
    """Whether a statement failed for what it was given; else the database itself fails."""
    return (error.sqlstate or "")[:2] in _OF_THE_ROWS


def _write(connection: psycopg.Connection, desired: DesiredState, message: str) -> Counter[str]:
    changed: Counter[str] = Counter()
    staged: dict[str, Sequence[str]] = {}
    for table in ORDER:
        given = [rows[table] for rows in (desired.rows, desired.mentioned) if table in rows]
        frames = chain(given, frames_of(table, desired.plain_rows.get(table, ())))
        if _stage(connection, table, frames):
            staged[table] = _state_columns(table)
    _stage_owners(connection, desired.owners)
    for table in reversed(ORDER):
        if owned := _OWNED.get(table):
            _count(changed, table, "deleted", _delete(connection, table, owned, table in staged))
    for table, columns in staged.items():
        stage = sql.Identifier(f"stage_{table}")
        if table in desired.rows or table in desired.plain_rows:
            _count(
                changed, table, "updated", update_rows(connection, table, columns, stage, message)
            )
        _count(changed, table, "inserted", insert_rows(connection, table, columns, stage, message))
    return changed


def _count(changed: Counter[str], table: str, kind: str, rows: int) -> None:
    if rows:
        changed[f"{table} {kind}"] += rows


def _state_columns(table: str) -> list[str]:
    """Columns that a source speaks of, in the table's order."""
    return [c.name for c in METADATA.tables[table].columns if c.name not in _OF_THE_WRITER]


_OF_THE_WRITER = ("message_id", "updated_at")


def _stage(connection: psycopg.Connection, table: str, frames: Iterable[pl.DataFrame]) -> int:
    """COPY the frames into `stage_<table>`, which is made if there are any; returns their rows."""
    stage = sql.Identifier(f"stage_{table}")
    rows = 0
    for frame in frames:
        if not frame.height:
            continue
        if not rows:
            connection.execute(
                sql.SQL(
                    "CREATE TEMPORARY TABLE IF NOT EXISTS {} ON COMMIT DELETE ROWS"
                    " AS SELECT {} FROM {} WITH NO DATA"
                ).format(stage, _list(_state_columns(table)), sql.Identifier(table))
            )
        rows += frame.height
        copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL '\\N')").format(
            stage, _list(frame.columns)
        )
        with connection.cursor() as cursor, cursor.copy(copy) as into:
            into.write(as_csv(frame))
    if rows:
        connection.execute(sql.SQL("ANALYZE {}").format(stage))
    return rows


def as_csv(frame: pl.DataFrame) -> str:
    """The frame as PostgreSQL reads it: quoted text, bare \\N for null, lists as array literals."""
    arrays = [
        pl.format(
            "{{{}}}",
            pl.col(name)
            .list.eval(
                pl.format(
                    '"{}"',
                    pl.element()
                    .str.replace_all("\\", "\\\\", literal=True)
                    .str.replace_all('"', '\\"', literal=True),
                )
            )
            .list.join(","),
        ).alias(name)
        for name, kind in frame.schema.items()
        if isinstance(kind, pl.List)
    ]
    return frame.with_columns(arrays).write_csv(
        quote_style="non_numeric", null_value="\\N", include_header=False
    )


def _stage_owners(connection: psycopg.Connection, owners: Mapping[str, Sequence[str]]) -> None:
    connection.execute(
        "CREATE TEMPORARY TABLE IF NOT EXISTS stage_owner (kind text, id text)"
        " ON COMMIT DELETE ROWS"
    )
    with connection.cursor() as cursor:
        for kind, ids in owners.items():
            cursor.execute("INSERT INTO stage_owner SELECT %s, unnest(%s::text[])", (kind, ids))
    connection.execute("ANALYZE stage_owner")


def _delete(
    connection: psycopg.Connection, table: str, owned: Sequence[LiteralString], staged: bool
) -> int:
    """Remove what the owners had and the source no longer says."""
    said = sql.SQL("AND NOT EXISTS (SELECT FROM {} s WHERE s.id = t.id)" if staged else "").format(
        sql.Identifier(f"stage_{table}")
    )
    return sum(
        connection.execute(
            sql.SQL("DELETE FROM {} t USING stage_owner o WHERE {} {}").format(
                sql.Identifier(table), sql.SQL(condition), said
            )
        ).rowcount
        for condition in owned
    )


def update_rows(
    connection: psycopg.Connection,
    table: str,
    columns: Sequence[str],
    stage: sql.Identifier,
    message: str,
) -> int:
    """Update the rows of a master table that differ from their like in `stage`."""
    state = [c for c in columns if c != "id"]
    return connection.execute(
        sql.SQL(
            "UPDATE {} t SET ({}, message_id, updated_at) = ROW({}, %s, now()) FROM {} s"
            " WHERE t.id = s.id AND ROW({}) IS DISTINCT FROM ROW({})"
        ).format(
            sql.Identifier(table),
            _list(state),
            _list(state, "s"),
            stage,
            _list(state, "t"),
            _list(state, "s"),
        ),
        (message,),
    ).rowcount


def insert_rows(
    connection: psycopg.Connection,
    table: str,
    columns: Sequence[str],
    stage: sql.Identifier,
    message: str,
) -> int:
    """Insert the rows of `stage` whose ids a master table hasn't."""
    return connection.execute(
        sql.SQL(
            "INSERT INTO {0} ({1}, message_id) SELECT {2}, %s FROM {3} s"
            " WHERE NOT EXISTS (SELECT FROM {0} t WHERE t.id = s.id)"
        ).format(
            sql.Identifier(table),
            _list(columns),
            _list(columns, "s"),
            stage,
        ),
        (message,),
    ).rowcount


def _list(columns: Sequence[str], alias: str | None = None) -> sql.Composed:
    names = [sql.Identifier(alias, c) if alias else sql.Identifier(c) for c in columns]
    return sql.SQL(", ").join(names)
