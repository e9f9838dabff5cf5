"""Which release a statement is about: found again by any of its numbers, under its sender.

A party may add, drop or correct the numbers of a release; any of them names it (ern.ddex.net,
ReleaseId). So each number that a sender ever gave to a release stays claimed for it, in `statement`
rows of their own. A number that says two releases is a conflict: both stay, and it is told.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import psycopg
from psycopg.types.json import Jsonb

from adapters.ingestion.ern.rows import as_part
from domain.identifiers import Identifier, is_placeholder

_STRONG = ("grid", "gtin", "proprietary")
"""Schemes whose numbers name one release each, best first."""
_WEAK = ("catalog-number", "isrc")
"""Schemes whose numbers may stand on several releases."""


@dataclass
class Resolution:
    """The releases that a message's statements are about."""

    names: dict[str, str] = field(default_factory=dict)
    """The id that a statement would have by itself → that of the release as it is known."""
    absorbed: dict[str, list[str]] = field(default_factory=dict)
    """Id → other ids under which the same release was known."""
    conflicts: dict[str, list[str]] = field(default_factory=dict)
    """Id → other releases that have one of its numbers."""


def keys_of(prefix: str, ids: Iterable[Identifier]) -> list[str]:
    """The numbers by which a release is the same as before, best first.

    Those that break their scheme's rules only where there are no others; placeholders never.
    """
    usable = [i for i in ids if not is_placeholder(i)]
    for found in (
        [i for i in usable if i.scheme in _STRONG and i.is_valid],
        [i for i in usable if i.scheme in _STRONG],
        [i for i in usable if i.scheme in _WEAK and i.is_valid],
    ):
        if found:
            order = {scheme: n for n, scheme in enumerate((*_STRONG, *_WEAK))}
            return [_key(prefix, i) for i in sorted(found, key=lambda i: order[i.scheme])]
    return []


def weak_keys_of(prefix: str, ids: Iterable[Identifier]) -> list[str]:
    """Numbers that find a release where nothing better is said: a purge by ISRC its single."""
    return [_key(prefix, i) for i in ids if i.scheme in _WEAK and i.is_valid]


def _key(prefix: str, number: Identifier) -> str:
    namespace = as_part(number.namespace or "")
    return f"{prefix}{number.scheme}:{namespace}:{as_part(number.value)}"


def number_key(prefix: str, number: Identifier) -> str:
    """A number under its sender, whatever namespace it has."""
    return f"{prefix}{number.scheme}:{as_part(number.value)}"


def naming(numbers: Iterable[Identifier]) -> list[Identifier]:
    """The numbers of a purge that name its release: the best that it has.

    Proprietary ids count only without GTIN or GRid, catalogue numbers and ISRCs only where there is
    nothing else: they may stand on several releases.
    """
    usable = [n for n in numbers if not is_placeholder(n)]
    for schemes in (("gtin", "grid"), ("proprietary",)):
        if found := [n for n in usable if n.scheme in schemes]:
            return found
    return usable


def resolve(
    connection: psycopg.Connection, prefix: str, keys: Mapping[str, list[str]]
) -> Resolution:
    """Which releases the statements of a message are about; `keys` by the ids that they'd have."""
    found = Resolution()
    claims = claimed(connection, {key for own in keys.values() for key in own})
    for own_id, own_keys in keys.items():
        known = dict.fromkeys(claims[key] for key in own_keys if key in claims)
        free = [name for name in known if name not in found.names.values()]
        name = free[0] if free else own_id
        found.names[own_id] = name
        for other in free[1:]:
            is_same = _all_keys(connection, prefix, other) <= set(own_keys)
            (found.absorbed if is_same else found.conflicts).setdefault(name, []).append(other)
    return found


def claimed(connection: psycopg.Connection, keys: Collection[str]) -> dict[str, str]:
    """Number → the release that it names."""
    rows = connection.execute(
        "SELECT substr(id, 8), owned->'release'->>0 FROM statement WHERE id = ANY(%s)",
        ([f"number/{key}" for key in sorted(keys)],),
    )
    return dict(rows.fetchall())


def claimed_weakly(connection: psycopg.Connection, keys: Collection[str]) -> set[str]:
    """The releases that have numbers which may stand on several."""
    rows = connection.execute(
        "SELECT DISTINCT s.owned->'release'->>0 FROM statement s JOIN unnest(%s::text[]) k (start)"
        " ON starts_with(s.id, k.start)",
        ([f"shared-number/{key}/" for key in keys],),
    )
    return {name for (name,) in rows}


def claim(
    connection: psycopg.Connection,
    release: str,
    keys: Iterable[str],
    weak: Iterable[str],
    absorbed: Collection[str],
    message: str,
) -> None:
    """Keep which release the numbers name; a number that names another one goes on doing so."""
    owned = Jsonb({"release": [release]})
    ids = [f"number/{key}" for key in keys]
    ids += [f"shared-number/{key}/{release}" for key in weak]
    connection.cursor().executemany(
        "INSERT INTO statement (id, owned, message_id) VALUES (%s, %s, %s)"
        " ON CONFLICT (id) DO UPDATE SET owned = excluded.owned, message_id = excluded.message_id,"
        " updated_at = now() WHERE statement.owned->'release'->>0 = ANY(%s)",
        [(own_id, owned, message, list(absorbed)) for own_id in ids],
    )


def _all_keys(connection: psycopg.Connection, prefix: str, release: str) -> set[str]:
    rows = connection.execute(
        "SELECT substr(id, 8) FROM statement WHERE starts_with(id, %s)"
        " AND owned->'release'->>0 = %s",
        (f"number/{prefix}", release),
    )
    return {key for (key,) in rows}
