"""Updates that leave resources out: what they say applies, what was known of the tracks stays.

A message without any resource speaks of releases and deals only (AudiusProject/apps #8327 tells of
such feeds). Its deals replace those of the releases that it names; tracks and recordings stay.
"""

from collections.abc import Mapping

from adapters.ingestion.ern.rows import Row, Rows
from adapters.ingestion.ern.statement import ReleaseStatement

_KEPT_UNSAID = ("identifier", "contributor", "related_release", "format")
"""Of these a release keeps what it had where the update says none at all."""


def onto(before: Rows, statement: ReleaseStatement) -> Rows:
    """What is known of a release once a partial statement is applied to what was known before."""
    said = statement.rows
    ids = set(said.ids("release"))
    tracks = _tracks(before, statement)
    kept = Rows()
    for table in before:
        told = {_release_of(table, row) for row in said.of(table)}
        gone = told if table in _KEPT_UNSAID else ids
        for row in before.of(table):
            if table == "release" or _release_of(table, row) not in gone:
                kept.put(table, row)
    known = {str(row["id"]): row for row in before.of("release")}
    for table in said:
        for row in said.of(table):
            told_of = known if table == "release" else {}
            kept.put(table, _completed(row, told_of.get(str(row["id"]), {})))
    for deal in said.of("deal"):
        track = deal["track_id"] or tracks.get(str(deal["release_id"]))
        kept.put("deal", {**deal, "track_id": track})
    return kept


def _completed(row: Row, known: Mapping[str, object]) -> Row:
    """A release's columns; those that are unsaid as they were known. Tracks it can't count."""
    unsaid = {c: v for c, v in known.items() if row.get(c) is None or c == "track_count"}
    return {**row, **unsaid}


def _release_of(table: str, row: Row) -> str | None:
    """The release that a row is about, as a whole; None for those of tracks and recordings."""
    if "owner_id" in row:
        return str(row["owner_id"]) if row["owner_type"] == "release" else None
    if table == "format" and row.get("track_id") is not None:
        return None
    return str(row["release_id"]) if table in ("deal", "related_release", "format") else None


def _tracks(before: Rows, statement: ReleaseStatement) -> dict[str, str]:
    """Track release → its track: by the deals that it had, or by its ISRC."""
    found: dict[str, str] = {}
    for deal in before.of("deal"):
        release, track = str(deal["release_id"]), deal["track_id"]
        if track is not None and release != statement.id:
            found[release] = min(found.get(release, str(track)), str(track))
    isrcs = {
        str(row["owner_id"]): str(row["value"])
        for row in reversed(before.of("identifier"))
        if row["owner_type"] == "recording" and row["scheme"] == "isrc"
    }
    by_isrc: dict[str, str] = {}
    for track_row in before.of("track"):
        isrc = isrcs.get(str(track_row["recording_id"]))
        if isrc is not None and track_row["release_id"] == statement.id:
            by_isrc[isrc] = min(by_isrc.get(isrc, str(track_row["id"])), str(track_row["id"]))
    for release, named in statement.track_isrcs.items():
        track = next((by_isrc[isrc] for isrc in named if isrc in by_isrc), None)
        if track is not None:
            found.setdefault(release, track)
    return found
