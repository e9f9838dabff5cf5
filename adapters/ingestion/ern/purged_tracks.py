"""Purges of track releases, which may come before the album that holds them.

A track release lives under its album's id and has no statement of its own. So each number that a
purge names is kept, under its sender, and whatever is said of an album is read without the track
releases that were purged since: no order of arrival makes a difference. The album keeps its tracks;
what only the track release held goes with it (ern.ddex.net, PurgeReleaseMessage: a release is to be
removed as if it had never been delivered).
"""

from collections.abc import Callable, Collection, Iterable

import psycopg

from adapters.ingestion.ern import identity
from adapters.ingestion.ern.rows import Row, Rows
from adapters.ingestion.ern.statement import ReleaseStatement, Stamp
from domain.identifiers import Identifier

_ROW = "purged/"


def keep(
    connection: psycopg.Connection, prefix: str, numbers: Iterable[Identifier], stamp: Stamp
) -> None:
    """Keep that a sender's releases of these numbers were purged."""
    keys = sorted({identity.number_key(prefix, number) for number in numbers})
    connection.cursor().executemany(
        "INSERT INTO statement (id, created_at, weight, message_id) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at,"
        " message_id = excluded.message_id, updated_at = now()"
        " WHERE (statement.created_at, statement.message_id)"
        " < (excluded.created_at, excluded.message_id)",
        [(f"{_ROW}{key}", *stamp) for key in keys],
    )


def drop(connection: psycopg.Connection, statement: ReleaseStatement, stamp: Stamp) -> None:
    """Take from a statement, made at `stamp`, the track releases that were purged since."""
    keys = {key for numbers in statement.track_numbers.values() for key in numbers}
    if not keys:
        return
    rows = connection.execute(
        "SELECT substr(id, %s) FROM statement WHERE id = ANY(%s)"
        " AND (created_at, weight, message_id) > (%s, %s, %s)",
        (len(_ROW) + 1, [f"{_ROW}{key}" for key in keys], *stamp),
    )
    purged = {key for (key,) in rows}
    gone = {name for name, numbers in statement.track_numbers.items() if numbers & purged}
    if gone:
        statement.rows = statement.rows.without(_of(statement.rows, gone))


def _of(rows: Rows, gone: Collection[str]) -> Callable[[str, Row], bool]:
    """Whether a row belongs to these track releases."""
    tracks = rows.of("track")
    own = [row for row in tracks if row["release_id"] in gone]
    held = {row["recording_id"] for row in tracks if row["release_id"] not in gone}
    ids: dict[str, set[object]] = {
        "release": set(gone),
        "track": {row["id"] for row in own},
        "recording": {row["recording_id"] for row in own} - held,
    }

    def is_gone(table: str, row: Row) -> bool:
        if "owner_id" in row:
            return row["owner_id"] in ids.get(str(row["owner_type"]), set())
        return (
            row["id"] in ids.get(table, set())
            or row.get("release_id") in ids["release"]
            or row.get("track_id") in ids["track"]
        )

    return is_gone
