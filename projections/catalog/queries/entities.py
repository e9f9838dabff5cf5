"""One thing by its id. Parameters: `id`; for availability `country`, `zone`, `usages`
(text[]) and `at`."""

from projections.catalog.queries.availability import availability
from projections.catalog.queries.parts import (
    answer,
    identifiers,
    licensor,
    party,
    recording,
    release,
    track,
)

TRACKS_LIMIT = 1000
"""Tracks of a release, or of a recording, that are listed at most."""

ASK = """(SELECT %(country)s::text AS country, %(zone)s::text AS zone, %(usages)s::text[] AS usages,
        coalesce(%(at)s::timestamptz, now()) AS at)"""
"""One row of what decides availability."""


def _one(body: str) -> str:
    """A statement whose body is null where there is no such row; the generation is named anyway."""
    return answer(f"SELECT ({body})::text AS body")


def release_in(r: str, ask: str) -> str:
    """JSON of a release with its availability."""
    return f"""json_build_object({release(r)},
        'availability', {availability(f"{r}.id", None, f"{r}.status", ask)})"""


RELEASE = _one(
    f"SELECT {release_in('r', 'a')} FROM catalog.release r CROSS JOIN {ASK} a WHERE r.id = %(id)s"
)

_TRACK = f"""json_build_object({track("t", "c")}, 'recording_identifiers',
    {identifiers("recording", "t.recording_id")},
    'availability', {availability("t.release_id", "t.id", "r.status", "a")})"""

TRACK = _one(f"""
    SELECT json_build_object('track', {_TRACK}, 'recording', CASE WHEN c.id IS NOT NULL
        THEN json_build_object({recording("c")}) END,
        'release', CASE WHEN r.id IS NOT NULL THEN json_build_object({release("r")}) END)
    FROM catalog.track t CROSS JOIN {ASK} a
    LEFT JOIN catalog.recording c ON c.id = t.recording_id
    LEFT JOIN catalog.release r ON r.id = t.release_id
    WHERE t.id = %(id)s""")

RELEASE_TRACKS = _one(f"""
    SELECT json_build_object('release_id', r.id, 'items', coalesce((
        SELECT json_agg({_TRACK} ORDER BY t.disc_number, t.track_number, t.id)
        FROM (SELECT * FROM catalog.track t WHERE t.release_id = r.id
              ORDER BY t.disc_number, t.track_number, t.id LIMIT {TRACKS_LIMIT}) t
        LEFT JOIN catalog.recording c ON c.id = t.recording_id), '[]'),
        'truncated', (SELECT count(*) > {TRACKS_LIMIT}
                      FROM (SELECT FROM catalog.track t WHERE t.release_id = r.id
                            LIMIT {TRACKS_LIMIT + 1}) n))
    FROM catalog.release r CROSS JOIN {ASK} a WHERE r.id = %(id)s""")

RECORDING = _one(f"""
    SELECT json_build_object({recording("c")}, 'tracks', coalesce((
        SELECT json_agg(json_build_object('id', t.id, 'release_id', t.release_id,
            'release_title', (SELECT r.title FROM catalog.release r WHERE r.id = t.release_id),
            'disc_number', t.disc_number, 'track_number', t.track_number) ORDER BY t.id)
        FROM (SELECT * FROM catalog.track t WHERE t.recording_id = c.id
              ORDER BY t.id LIMIT {TRACKS_LIMIT}) t), '[]'))
    FROM catalog.recording c WHERE c.id = %(id)s""")

ARTIST = _one(f"""
    SELECT json_build_object('id', a.id, 'name', a.display_name, 'sort_name', a.sort_name,
        'party', {party("a.party_id")}, 'identifiers', {identifiers("party", "a.party_id")},
        'revision', a.event_partition || '.' || a.event_offset)
    FROM catalog.artist a WHERE a.id = %(id)s""")

LABEL = _one(f"""
    SELECT json_build_object('id', l.id, 'name', l.name, 'party', {party("l.party_id")},
        'licensor', {licensor("l.licensor_id")},
        'identifiers', {identifiers("party", "l.party_id")},
        'revision', l.event_partition || '.' || l.event_offset)
    FROM catalog.label l WHERE l.id = %(id)s""")

KINDS = {
    "party": "party",
    "artist": "artist",
    "licensor": "licensor",
    "label": "label",
    "release": "release",
    "recording": "recording",
    "track": "track",
    "format": "format",
    "download": "download_offer",
    "streaming": "streaming_right",
    "identifier": "identifier",
}
"""Kind of a row, as it is asked to be explained → its table."""


def row(kind: str) -> str:
    """A row just as it stands in its table. Parameter: `id`."""
    return _one(f"SELECT to_json(x) FROM catalog.{KINDS[kind]} x WHERE x.id = %(id)s")
