"""The identifier lookup: a number → everything that it stands on, in one SQL statement.

Industry numbers are not unique, so an answer is a list, always. An ISRC stands on recordings; who
asks for one wants the tracks, so each track of a recording that is found is found with it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, Protocol

from domain.identifiers import Identifier, MalformedIdentifier, identify, is_text, scheme_named

LIST_LIMIT = 100
"""How many labels and releases of a party an answer lists at most."""
BATCH = 500
"""How many numbers are looked up by one execution of the statement."""

STATEMENT = f"""
SELECT s.* FROM {{schema}}.generation g CROSS JOIN (
WITH asked AS (
    SELECT * FROM unnest(%(schemes)s::text[], %(values)s::text[], %(raws)s::text[])
    WITH ORDINALITY AS a (scheme, value, raw, line)
), found AS MATERIALIZED (
    SELECT a.line, i.owner_type, i.owner_id, coalesce(i.is_valid, true) AS valid, i.flaw,
           i.value_raw AS raw, i.namespace
    FROM asked a JOIN {{schema}}.identifier i ON i.value = a.value AND i.scheme = a.scheme
    UNION ALL
    SELECT a.line, i.owner_type, i.owner_id, i.is_valid, i.flaw, i.value_raw, i.namespace
    FROM asked a JOIN {{schema}}.identifier i
      ON NOT i.is_valid AND i.value_raw = a.raw AND i.scheme = a.scheme
     AND i.value IS DISTINCT FROM a.value
), recording_track AS (
    SELECT f.*, t.id
    FROM found f JOIN {{schema}}.track t ON t.recording_id = f.owner_id
    WHERE f.owner_type = 'recording'
    UNION ALL
    SELECT f.*, f.owner_id FROM found f WHERE f.owner_type = 'track'
)
SELECT f.line, 'release' AS owner, r.id, r.title, r.version_title AS version,
       r.display_artist AS artist, r.id AS release_id, r.title AS release_title, r.status,
       f.valid, f.flaw, f.raw, f.namespace, NULL::json AS labels, NULL::json AS releases
FROM found f JOIN {{schema}}.release r ON f.owner_type = 'release' AND r.id = f.owner_id
UNION ALL
SELECT f.line, 'track', t.id, coalesce(t.title, c.title),
       coalesce(t.version_title, c.version_title), coalesce(t.display_artist, c.display_artist),
       t.release_id, r.title, r.status, f.valid, f.flaw, f.raw, f.namespace, NULL, NULL
FROM recording_track f
JOIN {{schema}}.track t ON t.id = f.id
LEFT JOIN {{schema}}.recording c ON c.id = t.recording_id
LEFT JOIN {{schema}}.release r ON r.id = t.release_id
UNION ALL
SELECT f.line, 'recording', c.id, c.title, c.version_title, c.display_artist,
       NULL, NULL, NULL, f.valid, f.flaw, f.raw, f.namespace, NULL, NULL
FROM found f JOIN {{schema}}.recording c ON f.owner_type = 'recording' AND c.id = f.owner_id
UNION ALL
SELECT f.line, 'party', p.id, p.name, NULL, NULL, NULL, NULL, NULL,
       f.valid, f.flaw, f.raw, f.namespace,
       (SELECT json_agg(json_build_object('id', l.id, 'name', l.name) ORDER BY l.id)
        FROM (
            (SELECT l.id, l.name FROM {{schema}}.label l
             WHERE l.party_id = p.id ORDER BY l.id LIMIT {LIST_LIMIT + 1})
            UNION
            SELECT l.id, l.name FROM {{schema}}.licensor c CROSS JOIN LATERAL (
                SELECT l.id, l.name FROM {{schema}}.label l
                WHERE l.licensor_id = c.id ORDER BY l.id LIMIT {LIST_LIMIT + 1}) l
            WHERE c.party_id = p.id
            ORDER BY id LIMIT {LIST_LIMIT + 1}) l),
       (SELECT json_agg(json_build_object('id', r.id, 'title', r.title,
                            'artist', r.display_artist, 'status', r.status) ORDER BY r.id)
        FROM (
            SELECT r.id, r.title, r.display_artist, r.status
            FROM {{schema}}.label l CROSS JOIN LATERAL (
                SELECT r.* FROM {{schema}}.release r
                WHERE r.label_id = l.id ORDER BY r.id LIMIT {LIST_LIMIT + 1}) r
            WHERE l.party_id = p.id
            UNION
            SELECT r.id, r.title, r.display_artist, r.status
            FROM {{schema}}.licensor c CROSS JOIN LATERAL (
                SELECT r.* FROM {{schema}}.release r
                WHERE r.licensor_id = c.id ORDER BY r.id LIMIT {LIST_LIMIT + 1}) r
            WHERE c.party_id = p.id
            ORDER BY id LIMIT {LIST_LIMIT + 1}) r)
FROM found f JOIN {{schema}}.party p ON f.owner_type = 'party' AND p.id = f.owner_id
) s
"""
"""Answers many numbers at once: arrays of equal length `schemes`, `values` (normal forms) and
`raws` (as asked); one row a match, `line` counting the numbers from 1. `{{schema}}` is a
generation's schema; its view `generation` is named first, as a switch wants it (`answers/parts`). A
track may stand on a release that the catalog lacks; every other owner must exist, so that what is
removed is never found."""


class MatchRow(NamedTuple):
    """A row of `STATEMENT`."""

    line: int
    owner: str
    """release, track, recording or party."""
    id: str
    title: str | None
    """A party's name."""
    version: str | None
    artist: str | None
    release_id: str | None
    release_title: str | None
    """None where the catalog lacks the track's release."""
    status: str | None
    """Of the release: active or taken_down."""
    valid: bool
    """Whether the number keeps its scheme's rules."""
    flaw: str | None
    raw: str
    """The number as its sender wrote it."""
    namespace: str | None
    labels: list[dict[str, str | None]] | None
    releases: list[dict[str, str | None]] | None

    def as_json(self) -> dict[str, Any]:
        """Return the match as an answer shows it; labels and releases for parties only."""
        shown: dict[str, Any] = dict(zip(_SHOWN, self[1 : len(_SHOWN) + 1], strict=True))
        if self.owner == "party":
            for name, items in (("labels", self.labels or []), ("releases", self.releases or [])):
                shown[name] = items[:LIST_LIMIT]
                shown[f"{name}_truncated"] = len(items) > LIST_LIMIT
        return shown


_SHOWN = tuple(name for name in MatchRow._fields[1:] if name not in ("labels", "releases"))
_RANK = {"release": 0, "track": 1, "recording": 2, "party": 3}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a number stands on."""

    scheme: str
    value: str
    """Normal form of the number; as asked where it has none."""
    matches: tuple[MatchRow, ...]
    error: MalformedIdentifier | None = None
    """The number is malformed, and nobody wrote it like that either."""

    def as_json(self) -> dict[str, Any]:
        """Return what a machine reads: scheme, value, matches, and error if there is one."""
        value = self.value.encode("utf-8", "backslashreplace").decode()
        shown: dict[str, Any] = {
            "scheme": self.scheme,
            "value": value,
            "matches": [match.as_json() for match in self.matches],
        }
        if self.error:
            shown["error"] = str(self.error)
        return shown


class IdentifierIndex(Protocol):
    """Port: the read catalog as the lookup needs it."""

    def matches(self, asked: Sequence[Identifier]) -> list[MatchRow]:
        """Execute `STATEMENT` for these numbers, all as of one moment."""
        ...


def look_up(index: IdentifierIndex, scheme: str, raw: str) -> Answer:
    """Answer for one number, by a scheme's name or alias. Raises UnknownScheme.

    A malformed number is looked up too: what a sender wrote wrongly is found as it was written.
    """
    return next(look_up_all(index, [(scheme, raw)]))


def look_up_all(index: IdentifierIndex, asked: Iterable[tuple[str, str]]) -> Iterator[Answer]:
    """Answer for many numbers, each (scheme or alias, value), in order. Raises UnknownScheme."""
    numbers = (identify(scheme_named(scheme), raw) for scheme, raw in asked)
    while batch := list(islice(numbers, BATCH)):
        # A database of text can neither hold nor be asked for what isn't text.
        lines = [line for line, number in enumerate(batch) if is_text(number.raw.strip())]
        found: dict[int, list[MatchRow]] = {}
        if lines:
            for match in index.matches([batch[line] for line in lines]):
                found.setdefault(lines[match.line - 1], []).append(match)
        for line, number in enumerate(batch):
            yield _answer(number, found.get(line, []))


def _answer(number: Identifier, found: list[MatchRow]) -> Answer:
    """One match an owner: the number may stand on it more than once, well and badly written."""
    if not found and not number.is_valid:
        error = MalformedIdentifier(number.scheme, number.raw, number.flaw or "it is not valid")
        return Answer(number.scheme, number.value, (), error)
    found.sort(key=lambda match: (_RANK[match.owner], match.id, not match.valid, match.raw))
    owners = {(match.owner, match.id): match for match in reversed(found)}
    return Answer(number.scheme, number.value, tuple(reversed(owners.values())))
