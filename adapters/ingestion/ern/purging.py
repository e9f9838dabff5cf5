"""What is to be written for a PurgeReleaseMessage: of whole releases, and of track releases."""

from dataclasses import dataclass, field

import psycopg

from adapters.ingestion.ern import history, identity, purged_tracks
from adapters.ingestion.ern.history import Part
from adapters.ingestion.ern.message import Message
from adapters.ingestion.ern.planning import PURGE_WEIGHT, Plan, said_of
from adapters.ingestion.ern.rows import as_part
from adapters.ingestion.ern.statement import Stamp
from adapters.ingestion.report import FileReport
from domain.identifiers import Identifier


@dataclass
class _Found:
    """Releases of a sender that numbers name."""

    names: set[str] = field(default_factory=set)
    """Ids that one may have by its numbers, and those that claimed them."""
    held: set[str] = field(default_factory=set)
    """Those that the catalog holds, track releases too."""
    albums: set[str] = field(default_factory=set)
    """Main releases that hold a track release of such a number, or its recording."""


def plan_purge(
    connection: psycopg.Connection, message: Message, own_id: str, report: FileReport
) -> Plan:
    """A purge takes all that was said before it of its releases.

    Of a track release only it goes, and its album stays (`purged_tracks`).
    """
    plan = Plan()
    prefix = message.header.prefix
    stamp = (message.header.created_at, PURGE_WEIGHT, own_id)
    anew: set[str] = set()
    below: set[str] = set()
    for numbers in message.purged:
        report.rows += 1
        naming = identity.naming(numbers)
        found = _named_by(connection, prefix, naming)
        purged_tracks.keep(connection, prefix, naming, stamp)
        earlier = said_of(connection, "release", found.names | found.held)
        newer = {name for name, (said, _) in earlier.items() if said > stamp}
        for name in set(earlier) - newer:
            said, owned = earlier[name]
            plan.own(owned or {})
            plan.replaced.add(said[2])
        parts = history.parts(connection, earlier)
        plan.replaced |= {part.stamp[2] for name in parts.keys() - newer for part in parts[name]}
        plan.counting |= {name: [] for name in parts.keys() - newer}
        below |= {n for n in newer if any(part.is_partial for part in parts.get(n, []))}
        gone = (found.names | set(earlier)) - newer
        plan.stated += [(f"release/{name}", stamp, None) for name in gone]
        albums = found.albums - set(earlier)
        older = {album for album in albums if _holds_older(connection, plan, album, found, stamp)}
        anew |= older
        if newer or (albums and not older):
            plan.superseded += 1
        elif not older and not found.held and not any(owned for _, owned in earlier.values()):
            report.notes.append("purges a release that the catalog does not hold")
    gone_whole = {name.removeprefix("release/") for name, _, owned in plan.stated if owned is None}
    for name in sorted(below):
        _compose(connection, plan, name, [Part(stamp, None)])
    for name in sorted(anew - below - gone_whole):
        _compose(connection, plan, name, [])
    return plan


def _holds_older(
    connection: psycopg.Connection, plan: Plan, album: str, found: _Found, stamp: Stamp
) -> bool:
    """Whether something older than the purge is said of an album that holds the track release.

    Of an album that was taken in before messages were kept only what is held can be removed.
    """
    said, owned = said_of(connection, "release", [album]).get(album, (stamp, None))
    parts = history.parts(connection, [album]).get(album, [])
    if not parts and owned is not None and said < stamp:
        plan.own({"release": {n for n in found.held if n.startswith(f"{album}/")}})
        return True
    return any(part.stamp < stamp for part in parts)


def _compose(connection: psycopg.Connection, plan: Plan, name: str, added: list[Part]) -> None:
    """A release of which something goes and something stays: made anew of all that counts."""
    parts = [*added, *history.parts(connection, [name]).get(name, [])]
    if not parts:
        return
    composed = history.compose(connection, name, parts, {})
    plan.replaced |= {part.stamp[2] for part in parts} - {part.stamp[2] for part in composed.parts}
    for owned in (composed.owned, said_of(connection, "release", [name])[name][1]):
        plan.own(owned or {})
    plan.say(composed.rows)
    plan.counting[name] = composed.parts
    plan.stated.append((f"release/{name}", composed.newest, composed.owned))


def _named_by(connection: psycopg.Connection, prefix: str, naming: list[Identifier]) -> _Found:
    """The sender's releases that these numbers name; see `identity.naming`."""
    numbers = ([n.scheme for n in naming], [n.value for n in naming], prefix)
    rows = connection.execute(
        "SELECT i.owner_type, i.owner_id FROM identifier i"
        " JOIN unnest(%s::text[], %s::text[]) n (scheme, value)"
        " ON i.scheme = n.scheme AND i.value = n.value"
        " WHERE i.owner_type IN ('release', 'recording') AND starts_with(i.owner_id, %s)",
        numbers,
    ).fetchall()
    held = {owner for kind, owner in rows if kind == "release"}
    claimed = set(identity.claimed(connection, identity.keys_of(prefix, naming)).values())
    albums = {name.partition("/")[0] for name in held if "/" in name}
    if all(n.scheme in ("isrc", "catalog-number") for n in naming):
        weak = identity.weak_keys_of(prefix, naming)
        claimed |= identity.claimed_weakly(connection, weak)
        # A track release's ISRC is its recording's number (ISO 3901), which holds it.
        albums |= {owner.partition("/")[0] for kind, owner in rows if kind == "recording"}
    names = {f"{prefix}{as_part(n.value)}" for n in naming}
    return _Found(names | claimed, held, albums)
