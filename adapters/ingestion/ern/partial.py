"""Updates that leave resources out: what they say applies, what was known of the tracks stays.

A message without any resource speaks of releases and deals only (AudiusProject/apps #8327 tells of
such feeds). Its deals replace those of the releases that it names; tracks and recordings stay.
"""

from collections.abc import Mapping

import psycopg
from psycopg.rows import dict_row

from adapters.ingestion.ern.statement import ReleaseStatement

_OF_THE_WRITER = ("message_id", "updated_at")


def complete(connection: psycopg.Connection, statement: ReleaseStatement) -> None:
    """Fill what the statement leaves out with what is known of its releases and their tracks."""
    ids = statement.rows.ids("release")
    with connection.cursor(row_factory=dict_row) as cursor:
        known = {
            row["id"]: row
            for row in cursor.execute("SELECT * FROM release WHERE id = ANY(%s)", (ids,))
        }
    for row in statement.rows.of("release"):
        for column, value in known.get(str(row["id"]), {}).items():
            is_unsaid = row.get(column) is None or column == "track_count"
            if is_unsaid and column not in _OF_THE_WRITER:
                row[column] = value
    tracks = _tracks(connection, statement, ids)
    for deal in statement.rows.of("deal"):
        deal["track_id"] = deal["track_id"] or tracks.get(str(deal["release_id"]))


def owners_of(statement: ReleaseStatement) -> dict[str, list[str]]:
    """Whose rows the statement replaces: those of the releases that it names, not of tracks."""
    ids = statement.rows.ids("release")
    return {"release": ids, "deals of release": ids}


def owned_with(
    statement: ReleaseStatement, before: Mapping[str, list[str]]
) -> dict[str, list[str]]:
    """All that has come with the release, now and before."""
    return {kind: sorted({*ids, *before.get(kind, [])}) for kind, ids in statement.owned.items()}


def _tracks(
    connection: psycopg.Connection, statement: ReleaseStatement, ids: list[str]
) -> dict[str, str]:
    """Track release → its track: by the deals that it had, or by its ISRC."""
    found: dict[str, str] = dict(
        connection.execute(
            "SELECT release_id, min(track_id) FROM deal WHERE release_id = ANY(%s)"
            " AND track_id IS NOT NULL AND release_id <> %s GROUP BY release_id",
            (ids, statement.id),
        ).fetchall()
    )
    by_isrc: dict[str, str] = dict(
        connection.execute(
            "SELECT i.value, min(t.id) FROM track t JOIN identifier i"
            " ON i.owner_id = t.recording_id AND i.owner_type = 'recording' AND i.scheme = 'isrc'"
            " WHERE t.release_id = %s GROUP BY i.value",
            (statement.id,),
        ).fetchall()
    )
    for release, isrcs in statement.track_isrcs.items():
        track = next((by_isrc[isrc] for isrc in isrcs if isrc in by_isrc), None)
        if track is not None:
            found.setdefault(release, track)
    return found
