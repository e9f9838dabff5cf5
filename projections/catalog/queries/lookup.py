"""The identifier lookup: many numbers → for each, all that it stands on, whole, in one statement.

The API, `catalog lookup` and the dashboard ask this and show the same answer. Industry numbers are
not unique, so an answer is a list, always. An ISRC stands on recordings; who asks for one wants the
tracks, so the tracks of a recording that is found stand for it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from domain.identifiers import Identifier, identify, is_text, scheme_named
from domain.territories import zone_of
from projections.catalog.queries import parts
from projections.catalog.queries.availability import availability
from projections.catalog.queries.parts import (
    answer,
    identifiers,
    party,
    recording,
    release,
    track,
)

MATCHES_LIMIT = 100
"""Entries of one answer at most; `truncated` says when there are more."""
PARTY_LIMIT = 100
"""Labels and releases that a party's entry lists at most."""

_LABELS = f"""(SELECT coalesce(json_agg(json_build_object('id', l.id, 'name', l.name)
        ORDER BY l.id), '[]') FROM (
    (SELECT l.id, l.name FROM catalog.label l WHERE l.party_id = e.party_id
     ORDER BY l.id LIMIT {PARTY_LIMIT})
    UNION
    SELECT l.id, l.name FROM catalog.licensor c CROSS JOIN LATERAL (
        SELECT l.id, l.name FROM catalog.label l WHERE l.licensor_id = c.id
        ORDER BY l.id LIMIT {PARTY_LIMIT}) l
    WHERE c.party_id = e.party_id ORDER BY id LIMIT {PARTY_LIMIT}) l)"""

_RELEASES = f"""(SELECT coalesce(json_agg(json_build_object('id', r.id, 'title', r.title,
        'display_artist', r.display_artist, 'status', r.status) ORDER BY r.id), '[]') FROM (
    SELECT r.id, r.title, r.display_artist, r.status FROM catalog.label l CROSS JOIN LATERAL (
        SELECT r.* FROM catalog.release r WHERE r.label_id = l.id
        ORDER BY r.id LIMIT {PARTY_LIMIT}) r
    WHERE l.party_id = e.party_id
    UNION
    SELECT r.id, r.title, r.display_artist, r.status FROM catalog.licensor c CROSS JOIN LATERAL (
        SELECT r.* FROM catalog.release r WHERE r.licensor_id = c.id
        ORDER BY r.id LIMIT {PARTY_LIMIT}) r
    WHERE c.party_id = e.party_id ORDER BY id LIMIT {PARTY_LIMIT}) r)"""

_ENTRY = f"""json_build_object(
    'owner', e.owner, 'id', e.id,
    'match', json_build_object('valid', e.is_valid, 'flaw', e.flaw, 'raw', e.value_raw,
                               'namespace', e.namespace),
    'track', (SELECT json_build_object({track("t", "c")}) FROM catalog.track t
              LEFT JOIN catalog.recording c ON c.id = t.recording_id WHERE t.id = e.track_id),
    'recording', (SELECT json_build_object({recording("c")})
                  FROM catalog.recording c WHERE c.id = e.recording_id),
    'release', (SELECT json_build_object({release("r")})
                FROM catalog.release r WHERE r.id = e.release_id),
    'party', CASE WHEN e.party_id IS NOT NULL THEN json_build_object(
        'party', {party("e.party_id")}, 'identifiers', {identifiers("party", "e.party_id")},
        'labels', {_LABELS}, 'releases', {_RELEASES}) END,
    'availability', CASE WHEN e.release_id IS NOT NULL THEN {
    availability(
        "e.release_id",
        "e.track_id",
        "(SELECT s.status FROM catalog.release s WHERE s.id = e.release_id)",
        "a",
    )
} END)"""

LOOKUP = answer(f"""
WITH asked AS (
    SELECT line, scheme, value, raw, namespace, country, zone,
           string_to_array(usages, ',') AS usages,
           coalesce(at, now()) AS at
    FROM unnest(%(schemes)s::text[], %(values)s::text[], %(raws)s::text[], %(namespaces)s::text[],
                %(countries)s::text[], %(zones)s::text[], %(usages)s::text[],
                %(instants)s::timestamptz[])
         WITH ORDINALITY AS q (scheme, value, raw, namespace, country, zone, usages, at, line)
)
SELECT a.line, x.entries::text, x.found, x.conflicts, y.related::text
FROM asked a CROSS JOIN LATERAL (
    WITH found AS MATERIALIZED (
        SELECT * FROM (
            SELECT i.owner_type, i.owner_id, i.is_valid, i.flaw, i.value_raw, i.namespace
            FROM catalog.identifier i WHERE i.value = a.value AND i.scheme = a.scheme
            UNION ALL
            SELECT i.owner_type, i.owner_id, i.is_valid, i.flaw, i.value_raw, i.namespace
            FROM catalog.identifier i
            WHERE NOT i.is_valid AND i.value_raw = a.raw AND i.scheme = a.scheme
              AND i.value IS DISTINCT FROM a.value) i
        WHERE a.namespace IS NULL OR i.namespace = a.namespace
        LIMIT {2 * MATCHES_LIMIT}
    ), place AS (
        SELECT 0 AS rank, 'release' AS owner, r.id, NULL AS track_id, NULL AS recording_id,
               r.id AS release_id, NULL AS party_id, f.*
        FROM found f JOIN catalog.release r ON r.id = f.owner_id WHERE f.owner_type = 'release'
        UNION ALL
        SELECT 1, 'track', t.id, t.id, t.recording_id, t.release_id, NULL, f.*
        FROM found f CROSS JOIN LATERAL (
            SELECT t.* FROM catalog.track t WHERE t.recording_id = f.owner_id
            ORDER BY t.id LIMIT {MATCHES_LIMIT + 1}) t
        WHERE f.owner_type = 'recording'
        UNION ALL
        SELECT 1, 'track', t.id, t.id, t.recording_id, t.release_id, NULL, f.*
        FROM found f JOIN catalog.track t ON t.id = f.owner_id WHERE f.owner_type = 'track'
        UNION ALL
        SELECT 2, 'recording', c.id, NULL, c.id, NULL, NULL, f.*
        FROM found f JOIN catalog.recording c ON c.id = f.owner_id
        WHERE f.owner_type = 'recording' AND NOT EXISTS (
            SELECT FROM catalog.track t WHERE t.recording_id = c.id)
        UNION ALL
        SELECT 3, 'party', p.id, NULL, NULL, NULL, p.id, f.*
        FROM found f JOIN catalog.party p ON p.id = f.owner_id WHERE f.owner_type = 'party'
    ), entry AS (
        SELECT DISTINCT ON (rank, id) * FROM place
        ORDER BY rank, id, is_valid DESC, value_raw LIMIT {MATCHES_LIMIT + 1}
    )
    SELECT json_agg({_ENTRY} ORDER BY e.rank, e.id) FILTER (WHERE e.shown) AS entries,
           count(*) AS found,
           CASE WHEN (SELECT count(*) FROM found) > 1 THEN array_remove(ARRAY[
               (SELECT CASE WHEN count(DISTINCT lower(c.title)) > 1 THEN 'titles' END
                FROM found f JOIN catalog.recording c ON c.id = f.owner_id
                WHERE a.scheme = 'isrc' AND f.owner_type = 'recording'),
               (SELECT CASE WHEN max(c.duration_ms) - min(c.duration_ms) > 1000 THEN 'lengths' END
                FROM found f JOIN catalog.recording c ON c.id = f.owner_id
                WHERE a.scheme = 'isrc' AND f.owner_type = 'recording'),
               (SELECT CASE WHEN count(DISTINCT r.licensor_id) > 1 THEN 'licensors' END
                FROM found f JOIN catalog.release r ON r.id = f.owner_id
                WHERE a.scheme IN ('gtin', 'grid') AND f.owner_type = 'release'),
               (SELECT CASE WHEN count(DISTINCT r.id) > count(DISTINCT coalesce(r.licensor_id, ''))
                            THEN 'releases' END
                FROM found f JOIN catalog.release r ON r.id = f.owner_id
                WHERE a.scheme IN ('gtin', 'grid') AND f.owner_type = 'release')], NULL)
           END AS conflicts
    FROM (SELECT *, row_number() OVER (ORDER BY rank, id) <= {MATCHES_LIMIT} AS shown
          FROM entry) e
) x CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object('relation', l.relation, 'namespace', l.namespace,
        'release', json_build_object('id', r.id, 'title', r.title,
            'display_artist', r.display_artist, 'status', r.status)) ORDER BY l.id) AS related
    FROM (SELECT * FROM catalog.related_release l
          WHERE l.value = a.value AND l.scheme = a.scheme
            AND (a.namespace IS NULL OR l.namespace = a.namespace)
          ORDER BY l.id LIMIT {MATCHES_LIMIT}) l
    JOIN catalog.release r ON r.id = l.release_id
) y
ORDER BY a.line
""")
"""Arrays of equal length, one element per number: `schemes`, `values` (normal forms), `raws` (as
asked), `namespaces`, `countries`, `zones` (of the countries), `usages` (comma-separated),
`instants`; null where not asked.
One row per number: generation, line (from 1), entries as JSON text (null: none), how many were
found (one more than MATCHES_LIMIT: truncated), how the owners contradict each other, and the
releases that name the number as that of another one, as JSON text (null: none)."""

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Made once: `json.dumps` makes an encoder at each call that asks for another form."""


class Asked(NamedTuple):
    """One number, and what decides the availability of what it stands on."""

    number: Identifier
    country: str | None = None
    """Upper case."""
    usages: str | None = None
    """Comma-separated."""
    at: datetime | None = None
    zone: str | None = None
    """In which local dates are read; None: that of the country."""


@dataclass(frozen=True, slots=True)
class LookupAnswer:
    """What one number stands on."""

    number: Identifier
    generation: int | None
    entries: str | None
    """JSON list; None for nothing."""
    truncated: bool
    conflicts: Sequence[str]
    related: str | None = None
    """JSON list of releases that name the number as another one's, each with the relation."""

    @property
    def broken_rule(self) -> str | None:
        """The rule that the number breaks which nobody wrote like that either.

        None: it has an answer, if an empty one.
        """
        if self.entries is not None or self.related is not None or self.number.is_valid:
            return None
        return self.number.validation_error or "it is not valid"

    def matches(self) -> list[dict[str, Any]]:
        """The entries, decoded."""
        found: list[dict[str, Any]] = json.loads(self.entries or "[]")
        return found

    def relations(self) -> list[dict[str, Any]]:
        """The releases that name the number, decoded."""
        found: list[dict[str, Any]] = json.loads(self.related or "[]")
        return found

    def as_json(self) -> str:
        """The answer as API and command give it."""
        conflicts = _json(list(self.conflicts)) if self.conflicts else "[]"
        return (
            f'{{"scheme":"{self.number.scheme}","value":{_json(self.number.value)},'
            f'"matches":{self.entries or "[]"},'
            f'"truncated":{"true" if self.truncated else "false"},"conflicts":{conflicts},'
            f'"related":{self.related or "[]"}}}'
        )


Rows = Callable[[str, Mapping[str, Any]], list[Any]]
"""Asks the read database: (statement, parameters) → rows."""


def asked(
    scheme: str,
    value: str,
    namespace: str | None = None,
    *,
    country: str | None = None,
    usages: str | None = None,
    at: datetime | None = None,
) -> Asked:
    """A number by its scheme's name or alias. Raises UnknownScheme."""
    return Asked(identify(scheme_named(scheme), value, namespace), country, usages, at)


def look_up(rows: Rows, numbers: Sequence[Asked], schema: str = parts.LIVE) -> list[LookupAnswer]:
    """Answers in order, all as of one instant; `schema` is the generation that is asked.

    Raises what `rows` raises.
    """
    statement = LOOKUP if schema == parts.LIVE else parts.over(schema, LOOKUP)
    return answers(numbers, rows(statement, parameters(numbers)))


def parameters(numbers: Sequence[Asked]) -> dict[str, Any]:
    """What LOOKUP is given for these numbers."""
    # A database of text can't be asked for what isn't text; nothing is found under ''.
    texts = [is_text(n.number.raw.strip()) for n in numbers]
    return {
        "schemes": [n.number.scheme for n in numbers],
        "values": [n.number.value if t else "" for n, t in zip(numbers, texts, strict=True)],
        "raws": [n.number.raw.strip() if t else "" for n, t in zip(numbers, texts, strict=True)],
        "namespaces": [n.number.namespace for n in numbers],
        "countries": [n.country for n in numbers],
        "zones": [n.zone or (n.country and zone_of(n.country)) for n in numbers],
        "usages": [n.usages for n in numbers],
        "instants": [n.at for n in numbers],
    }


def answers(numbers: Sequence[Asked], rows: Sequence[Any]) -> list[LookupAnswer]:
    """What LOOKUP's rows say of the numbers that it was given, in their order."""
    return [
        LookupAnswer(
            one.number, generation, entries, found > MATCHES_LIMIT, conflicts or [], related
        )
        for one, (generation, _line, entries, found, conflicts, related) in zip(
            numbers, rows, strict=True
        )
    ]


def named(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Title (a party's name) and artist of what a number stands on."""
    facts = entry["party"]["party"] if entry["owner"] == "party" else entry[entry["owner"]]
    version = facts.get("version_title")
    title = facts.get("title") or facts.get("name") or ""
    return f"{title} ({version})" if version else title, facts.get("display_artist") or ""
