"""What is to be written for a message, by what the catalog knows of its releases already."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import psycopg
from psycopg.types.json import Jsonb

from adapters.ingestion.ern import history, identity, purged_tracks
from adapters.ingestion.ern.history import Part
from adapters.ingestion.ern.message import Message
from adapters.ingestion.ern.rows import Row, Rows
from adapters.ingestion.ern.statement import ReleaseStatement, Stamp
from adapters.ingestion.report import FileReport

Said = Mapping[str, tuple[Stamp, dict[str, list[str]] | None]]
"""Of each id the newest that was said, and what came with it: kind → ids; None where it is gone."""
PURGE_WEIGHT = 2**31 - 1
"""Of several messages of one instant a purge counts."""
_MENTIONED = ("party", "artist", "label")


@dataclass
class Plan:
    """What is to be written for a message."""

    rows: dict[str, list[Iterable[Row]]] = field(default_factory=dict)
    """Table → its rows, in parts."""
    owners: dict[str, set[str]] = field(default_factory=dict)
    stated: list[tuple[str, Stamp, dict[str, list[str]] | None]] = field(default_factory=list)
    replaced: set[str] = field(default_factory=set)
    """Messages of which something no longer counts."""
    claims: list[tuple[str, ReleaseStatement, list[str]]] = field(default_factory=list)
    """Release, statement that tells its numbers, and the other ids of the same release."""
    counting: dict[str, list[Part]] = field(default_factory=dict)
    """Release → the messages that its state is made of."""
    superseded: int = 0
    """Statements that are older than what the catalog says."""

    def own(self, owned: Mapping[str, Iterable[str]]) -> None:
        for kind, ids in owned.items():
            self.owners.setdefault(kind, set()).update(ids)
            if kind == "release":
                self.owners.setdefault("whole release", set()).update(ids)

    def say(self, rows: Rows) -> None:
        for table in rows:
            self.rows.setdefault(table, []).append(rows.each(table))


def plan_release(
    connection: psycopg.Connection, message: Message, own_id: str, report: FileReport
) -> Plan:
    plan = Plan()
    prefix = message.header.prefix
    found = identity.resolve(connection, prefix, {s.id: s.keys for s in message.statements})
    statements = message.statements
    if message.tell is not None and any(own != name for own, name in found.names.items()):
        statements = message.tell(found.names)
    names = {now: own for own, now in found.names.items()}
    known = history.parts(connection, {n for s in statements for n in _names(s, found)})
    for statement in statements:
        report.rows += len(statement.owned["release"])
        report.flagged += errors(statement)
        stamp = (message.header.created_at, statement.weight, own_id)
        purged_tracks.drop(connection, statement, stamp)
        same = found.absorbed.get(statement.id, [])
        report.notes += [
            f"conflict: {other} has a number of {statement.id}"
            for other in found.conflicts.get(statement.id, [])
        ]
        earlier = said_of(connection, "release", statement.numbers | set(same))
        named = {name: earlier[name] for name in (statement.id, *same) if name in earlier}
        purges = [said for said, _ in earlier.values() if said[1] == PURGE_WEIGHT]
        own = Part(stamp, names[statement.id], statement.is_partial)
        parts = {name: known[name] for name in (statement.id, *same) if name in known}
        if any(part.is_partial for p in (*parts.values(), [own]) for part in p):
            added = [own, *(Part(said, None) for said in purges)]
            report.notes += _plan_composed(connection, plan, statement, added, named, parts)
            continue
        if newer := [s for s in (*purges, *(said for said, _ in named.values())) if s > stamp]:
            plan.superseded += 1
            _plan_joined(plan, statement, named, max(purges, default=None), parts)
            report.notes.append(f"{statement.id} is superseded by {max(newer)[2]}")
            continue
        plan.claims.append((statement.id, statement, same))
        plan.replaced |= {said[2] for said, _ in named.values()}
        for owned in (statement.owned, *(owned or {} for _, owned in named.values())):
            plan.own(owned)
        plan.say(statement.rows)
        plan.stated.append((f"release/{statement.id}", stamp, statement.owned))
        plan.stated += [(f"release/{other}", stamp, None) for other in same]
        plan.counting |= {statement.id: [own], **{other: [] for other in same}}
    return plan


def _names(statement: ReleaseStatement, found: identity.Resolution) -> list[str]:
    return [statement.id, *found.absorbed.get(statement.id, [])]


def _plan_composed(
    connection: psycopg.Connection,
    plan: Plan,
    statement: ReleaseStatement,
    added: list[Part],
    named: Said,
    parts: Mapping[str, list[Part]],
) -> list[str]:
    """A release of which some messages say only a part: made anew of all that count.

    `added` begins with the part that `statement` is. Returns what is to be told of it.
    """
    own = added[0]
    for name, (said, owned) in named.items():
        if owned is not None and name not in parts:
            raise history.unkept(said[2])
    every = [*added, *(part for found in parts.values() for part in found)]
    composed = history.compose(connection, statement.id, every, {own: statement})
    plan.claims.append((statement.id, statement, [n for n in named if n != statement.id]))
    plan.replaced |= {part.stamp[2] for part in every} - {part.stamp[2] for part in composed.parts}
    for owned in (composed.owned, *(owned for _, owned in named.values())):
        plan.own(owned or {})
    plan.say(composed.rows)
    plan.counting |= {name: [] for name in named} | {statement.id: composed.parts}
    plan.stated += [
        (f"release/{name}", composed.newest, None) for name in named if name != statement.id
    ]
    plan.stated.append((f"release/{statement.id}", composed.newest, composed.owned))
    if own not in composed.parts:
        plan.superseded += 1
        return [f"{statement.id} is superseded by {composed.newest[2]}"]
    if composed.newest != own.stamp:
        return [f"{statement.id} has been updated since by {composed.newest[2]}"]
    return []


def _plan_joined(
    plan: Plan,
    statement: ReleaseStatement,
    named: Said,
    purge: Stamp | None,
    parts: Mapping[str, list[Part]],
) -> None:
    """A statement that comes too late may still tell which releases are one.

    Of the releases that it names the newest stays, unless they have been purged since.
    """
    if not named:
        plan.claims.append((statement.id, statement, []))
        if purge is not None:  # what has only some of its numbers, and comes later, is purged too
            plan.stated.append((f"release/{statement.id}", purge, None))
        return
    newest = max(named, key=lambda name: named[name][0])
    others = [name for name in named if name != newest]
    plan.claims.append((newest, statement, others))
    gone = dict.fromkeys(others, named[newest][0])
    if purge is not None and named[newest][0] < purge:
        gone |= dict.fromkeys(named, purge)
    for name, stamp in gone.items():
        said, owned = named[name]
        plan.own(owned or {})
        plan.replaced.add(said[2])
        plan.stated.append((f"release/{name}", stamp, None))
        if name in parts:
            plan.counting[name] = []


def plan_mentions(
    connection: psycopg.Connection, message: Message, own_id: str, plan: Plan
) -> None:
    """Parties, artists and labels of whom nothing newer was said."""
    stamp = (message.header.created_at, 0, own_id)
    rows = message.parties
    plan.rows["licensor"] = [rows.of("licensor")]
    for table in _MENTIONED:
        earlier = said_of(connection, table, rows.ids(table))
        fresh = [
            row
            for row in rows.of(table)
            if (said := earlier.get(str(row["id"]))) is None or said[0] <= stamp
        ]
        plan.rows[table] = [fresh]
        ids = {str(row["id"]) for row in fresh}
        plan.stated += [(f"{table}/{name}", stamp, None) for name in sorted(ids)]
        if table == "party":
            plan.own({"party": ids})
            numbers = [row for row in rows.of("identifier") if row["owner_id"] in ids]
            plan.rows.setdefault("identifier", []).append(numbers)


def said_of(connection: psycopg.Connection, kind: str, ids: Iterable[str]) -> Said:
    """The newest that was said of each id, and what came with it."""
    rows = connection.execute(
        "SELECT substr(id, %s), created_at, weight, message_id, owned FROM statement"
        " WHERE id = ANY(%s)",
        (len(kind) + 2, [f"{kind}/{name}" for name in ids]),
    )
    return {name: ((at, weight, by), owned) for name, at, weight, by, owned in rows}


def keep_statements(connection: psycopg.Connection, plan: Plan) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO statement (id, created_at, weight, message_id, owned)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET"
            " created_at = excluded.created_at, weight = excluded.weight,"
            " message_id = excluded.message_id, owned = excluded.owned, updated_at = now()"
            " WHERE ROW(statement.created_at, statement.weight, statement.message_id,"
            " statement.owned) IS DISTINCT FROM ROW(excluded.created_at, excluded.weight,"
            " excluded.message_id, excluded.owned)",
            [
                (name, at, weight, by, None if owned is None else Jsonb(owned))
                for name, (at, weight, by), owned in plan.stated
            ],
        )


def mark_superseded(connection: psycopg.Connection, replaced: set[str], own_id: str) -> None:
    """Messages none of whose releases still say what they said, and by which message."""
    connection.execute(
        "UPDATE ern_message m SET status = 'superseded', content = NULL, updated_at = now(),"
        " message_id = %s WHERE m.id = ANY(%s) AND m.status <> 'superseded'"
        " AND NOT EXISTS (SELECT FROM statement s"
        " WHERE s.message_id = m.id AND starts_with(s.id, 'release/'))"
        " AND NOT EXISTS (SELECT FROM release_part p WHERE p.message_id = m.id)",
        (own_id, sorted(replaced)),
    )


def errors(statement: ReleaseStatement) -> int:
    numbers = statement.rows.of("identifier")
    return len(statement.rows.of("flaw")) + sum(not row["is_valid"] for row in numbers)
