"""What the answers are made of: each function gives the SQL of one JSON value.

An argument is an SQL expression: the alias of a row, or what an id is compared with; aliases in
here have two letters, so that they hide none of the caller's, which have one. `revision`
(partition and offset of the event that wrote the row) is part of what is shown, so that a changed
row is a changed answer, and a rebuilt one is not.
"""

import re

from projections import read_model

NUMBERS_LIMIT = 100
"""Identifiers and formats that are shown of one owner at most."""


LIVE = "catalog"
"""Schema of the live generation, which all statements name."""


def answer(statement: str) -> str:
    """See `read_model.answer`: a statement over the read catalog."""
    return read_model.answer(LIVE, statement)


def over(schema: str, statement: str) -> str:
    """A statement over the generation in another schema (its name is one of ours)."""
    return re.sub(rf"\b{LIVE}\.", f'"{schema}".', statement)


def revision(row: str) -> str:
    """Which event wrote a row, as `partition.offset`."""
    return f"{row}.event_partition || '.' || {row}.event_offset"


def identifiers(owner_type: str, owner_id: str) -> str:
    """All the numbers of an owner."""
    return f"""(SELECT coalesce(json_agg(json_build_object(
        'scheme', nu.scheme, 'value', nu.value, 'namespace', nu.namespace, 'raw', nu.value_raw,
        'valid', nu.is_valid, 'flaw', nu.flaw) ORDER BY nu.scheme, nu.value, nu.id), '[]')
      FROM (SELECT * FROM catalog.identifier
            WHERE owner_id = {owner_id} AND owner_type = '{owner_type}'
            LIMIT {NUMBERS_LIMIT}) nu)"""


def formats(condition: str) -> str:
    """Technical forms; `condition` speaks of the row `f`."""
    return f"""(SELECT coalesce(json_agg(json_build_object(
        'code', x.code, 'namespace', x.namespace, 'codec', x.codec, 'bitrate', x.bitrate,
        'sample_rate', x.sample_rate, 'bit_depth', x.bit_depth, 'channels', x.channels)
        ORDER BY x.id), '[]')
      FROM (SELECT f.* FROM catalog.format f WHERE {condition} LIMIT {NUMBERS_LIMIT}) x)"""


def contributors(owner_type: str, owner_id: str) -> str:
    """Who had which part, in the sender's order; roles by DDEX's terms."""
    return f"""(SELECT coalesce(json_agg(json_build_object(
        'party_id', co.party_id, 'name', (SELECT cp.name FROM catalog.party cp
                                          WHERE cp.id = co.party_id), 'role', co.role)
        ORDER BY co.sequence NULLS LAST, co.id), '[]')
      FROM (SELECT * FROM catalog.contributor
            WHERE owner_id = {owner_id} AND owner_type = '{owner_type}'
            LIMIT {NUMBERS_LIMIT}) co)"""


def related(release_id: str) -> str:
    """The releases that a release names, by their numbers."""
    return f"""(SELECT coalesce(json_agg(json_build_object(
        'relation', re.relation, 'scheme', re.scheme, 'value', re.value,
        'namespace', re.namespace) ORDER BY re.id), '[]')
      FROM (SELECT * FROM catalog.related_release WHERE release_id = {release_id}
            ORDER BY id LIMIT {NUMBERS_LIMIT}) re)"""


def party(party_id: str) -> str:
    """A party with its DDEX Party Id."""
    return f"""(SELECT json_build_object('id', pa.id, 'name', pa.name, 'dpid', pa.dpid,
        'isni', pa.isni) FROM catalog.party pa WHERE pa.id = {party_id})"""


def licensor(licensor_id: str) -> str:
    """Who licenses something, with its DPID."""
    return f"""(SELECT json_build_object('id', lc.id, 'name', lp.name, 'dpid', lp.dpid)
      FROM catalog.licensor lc LEFT JOIN catalog.party lp ON lp.id = lc.party_id
      WHERE lc.id = {licensor_id})"""


def label(label_id: str) -> str:
    """A label, with the DPID of its party or else of its licensor."""
    return f"""(SELECT json_build_object('id', lb.id, 'name', lb.name, 'dpid',
        (SELECT lp.dpid FROM catalog.party lp WHERE lp.id = coalesce(lb.party_id,
            (SELECT lc.party_id FROM catalog.licensor lc WHERE lc.id = lb.licensor_id))))
      FROM catalog.label lb WHERE lb.id = {label_id})"""


def artist(artist_id: str) -> str:
    """An artist in short."""
    return f"""(SELECT json_build_object('id', ar.id, 'name', ar.display_name)
      FROM catalog.artist ar WHERE ar.id = {artist_id})"""


def release(r: str) -> str:
    """A release with everything of its own but availability and tracks, as SQL arguments of
    json_build_object."""
    return f"""'id', {r}.id, 'title', {r}.title, 'version_title', {r}.version_title,
        'display_artist', {r}.display_artist, 'artist', {artist(f"{r}.artist_id")},
        'type', {r}.release_type, 'status', {r}.status,
        'original_release_date', {r}.original_release_date, 'release_year', {r}.release_year,
        'parental_warning', {r}.parental_warning, 'pline', {r}.pline, 'cline', {r}.cline,
        'duration_ms', {r}.duration_ms, 'track_count', {r}.track_count,
        'image_url', {r}.image_url,
        'label', {label(f"{r}.label_id")}, 'licensor', {licensor(f"{r}.licensor_id")},
        'identifiers', {identifiers("release", f"{r}.id")},
        'formats', {formats(f"f.release_id = {r}.id AND f.track_id IS NULL")},
        'contributors', {contributors("release", f"{r}.id")}, 'related', {related(f"{r}.id")},
        'updated_at', {r}.updated_at, 'revision', {revision(r)}"""


def track(t: str, c: str) -> str:
    """A track: what it says itself, and else what its recording (alias `c`, may be null) says."""
    return f"""'id', {t}.id, 'release_id', {t}.release_id, 'recording_id', {t}.recording_id,
        'disc_number', {t}.disc_number, 'track_number', {t}.track_number,
        'title', coalesce({t}.title, {c}.title),
        'version_title', coalesce({t}.version_title, {c}.version_title),
        'display_artist', coalesce({t}.display_artist, {c}.display_artist),
        'artist', {artist(f"coalesce({t}.artist_id, {c}.artist_id)")},
        'kind', coalesce({c}.kind, {t}.kind),
        'duration_ms', coalesce({t}.duration_ms, {c}.duration_ms),
        'parental_warning', coalesce({t}.parental_warning, {c}.parental_warning),
        'identifiers', {identifiers("track", f"{t}.id")},
        'formats', {formats(f"f.track_id = {t}.id")},
        'revision', {revision(t)}"""


def recording(c: str) -> str:
    """A recording, which carries the ISRC."""
    return f"""'id', {c}.id, 'title', {c}.title, 'version_title', {c}.version_title,
        'display_artist', {c}.display_artist, 'artist', {artist(f"{c}.artist_id")},
        'kind', {c}.kind, 'duration_ms', {c}.duration_ms,
        'parental_warning', {c}.parental_warning, 'language', {c}.language, 'pline', {c}.pline,
        'licensor', {licensor(f"{c}.licensor_id")},
        'identifiers', {identifiers("recording", f"{c}.id")},
        'contributors', {contributors("recording", f"{c}.id")}, 'revision', {revision(c)}"""
