"""Taking in an ERN message, in one transaction.

A message states how its releases should be: the newest (by MessageCreatedDateTime) replaces
all that was said before, and one that arrives late changes nothing. So messages may arrive in any
order and end in the same state. Of parties, artists and labels, which many messages name, the
newest mention counts; silence about them says nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.types.json import Jsonb

from adapters.ingestion.ern import identity, partial
from adapters.ingestion.ern.header import PURGE
from adapters.ingestion.ern.message import Message, read
from adapters.ingestion.ern.rows import Row, Rows, as_part
from adapters.ingestion.ern.statement import ReleaseStatement
from adapters.ingestion.master import messages
from adapters.ingestion.master.frames import frame_of
from adapters.ingestion.master.messages import MessageRow
from adapters.ingestion.master.writer import DesiredState, lock, write
from adapters.ingestion.report import FileReport, Rejected
from adapters.ingestion.source_file import SourceFile
from domain.failures import Unusable
from domain.identifiers import Identifier, is_placeholder

AHEAD = timedelta(days=1)
"""How far a sender's clock may be ahead of ours."""
_PURGE_WEIGHT = 2**31 - 1
_MENTIONED = ("party", "artist", "label")

Stamp = tuple[datetime, int, str]
"""When, how much, and by which message something was said: the greatest counts."""


@dataclass
class _Plan:
    """What is to be written for a message."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    owners: dict[str, set[str]] = field(default_factory=dict)
    stated: list[tuple[str, Stamp, dict[str, list[str]] | None]] = field(default_factory=list)
    replaced: set[str] = field(default_factory=set)
    """Messages of which something no longer counts."""
    claims: list[tuple[str, ReleaseStatement, list[str]]] = field(default_factory=list)
    """Release, statement that tells its numbers, and the other ids of the same release."""
    superseded: int = 0
    """Statements that are older than what the catalog says."""

    def own(self, owned: Mapping[str, Iterable[str]]) -> None:
        for kind, ids in owned.items():
            self.owners.setdefault(kind, set()).update(ids)
            if kind == "release":
                self.owners.setdefault("whole release", set()).update(ids)

    def own_only(self, owned: Mapping[str, Iterable[str]]) -> None:
        """Own these kinds of rows, and nothing that comes with a release."""
        for kind, ids in owned.items():
            self.owners.setdefault(kind, set()).update(ids)

    def say(self, rows: Rows) -> None:
        for table in rows:
            self.rows.setdefault(table, []).extend(rows.of(table))


def ingest(
    connection: psycopg.Connection,
    source: SourceFile,
    report: FileReport,
    most_bytes: int,
    again: bool = False,
    *,
    is_test: bool = False,
) -> None:
    """Take a message in, and note in `report` what became of it; unusable ones are quarantined.

    `is_test`: it is of a batch of test messages (a manifest's IsTestFlag).
    """
    known = _known(connection, source.sha256, is_test=is_test)
    if known is not None and not again:
        report.kind, report.status = known, "known"
        return
    try:
        if source.size > most_bytes:
            raise Unusable(f"{source.size} bytes are more than the limit of {most_bytes}")
        with source.open() as stream:
            message = read(stream.read(), most_bytes)
        _refuse_future(message.header.created_at)
    except Unusable as error:
        set_aside(connection, source, report, str(error))
        return
    header = message.header
    report.kind = header.kind
    report.notes += message.notes
    own_id = f"{header.prefix}{as_part(header.message_id or '')}:{source.sha256[:12]}"
    if header.is_test or is_test:
        _record_test(connection, source, message, own_id, report)
        return
    with connection.transaction():
        lock(connection)
        plan = _plan_purge if header.root == PURGE else _plan_release
        planned = plan(connection, message, own_id, report)
        _plan_mentions(connection, message, own_id, planned)
        desired = DesiredState(
            rows={table: frame_of(table, rows) for table, rows in planned.rows.items()},
            owners={kind: sorted(ids) for kind, ids in planned.owners.items()},
        )
        report.changed.update(write(connection, desired, own_id))
        _state(connection, planned, own_id)
        for name, statement, same in planned.claims:
            identity.claim(connection, name, statement.keys, statement.weak_keys, same, own_id)
        stale = planned.superseded == len(message.statements or message.purged)
        report.status = "superseded" if stale else "applied"
        messages.release_from_quarantine(connection, source.sha256)
        messages.record(connection, _record_of(source, message, own_id, report))
        _mark_superseded(connection, planned.replaced - {own_id}, own_id)


def _refuse_future(created: datetime) -> None:
    """A message from the future would lock out all that its releases' sender says until then."""
    if created > datetime.now(UTC) + AHEAD:
        raise Unusable(
            f"MessageCreatedDateTime {created:%Y-%m-%dT%H:%M:%SZ} lies more than a day ahead"
        )


def _record_test(
    connection: psycopg.Connection,
    source: SourceFile,
    message: Message,
    own_id: str,
    report: FileReport,
) -> None:
    """A TestMessage is validated and reported, never published (stores' delivery guides)."""
    report.status = "test"
    report.rows = sum(len(s.owned["release"]) for s in message.statements) or len(message.purged)
    report.flagged = sum(_errors(statement) for statement in message.statements)
    report.notes.append("a test message: it changes nothing")
    with connection.transaction():
        messages.release_from_quarantine(connection, source.sha256)
        messages.record(connection, _record_of(source, message, own_id, report))


def _record_of(source: SourceFile, message: Message, own_id: str, report: FileReport) -> MessageRow:
    header = message.header
    return MessageRow(
        id=own_id,
        kind=header.kind,
        source=source.name,
        sha256=source.sha256,
        status=report.status,
        sender_dpid=header.sender.value,
        thread_id=header.thread_id,
        sender_message_id=header.message_id,
        created_at=header.created_at,
        ern_version=header.version,
        verdict="; ".join(report.notes) or None,
    )


def set_aside(
    connection: psycopg.Connection, source: SourceFile, report: FileReport, reason: str
) -> None:
    """Quarantine a whole file with its bytes and the reason."""
    with source.open() as stream:
        content = stream.read(messages.MOST_BYTES_KEPT)
    with connection.transaction():
        messages.quarantine(
            connection,
            source=source.name,
            sha256=source.sha256,
            line=None,
            reason=reason,
            content=content,
        )
    report.status = "quarantined"
    report.reject(Rejected(None, reason))


def _plan_release(
    connection: psycopg.Connection, message: Message, own_id: str, report: FileReport
) -> _Plan:
    plan = _Plan()
    prefix = message.header.prefix
    found = identity.resolve(connection, prefix, {s.id: s.keys for s in message.statements})
    statements = message.statements
    if message.tell is not None and any(own != name for own, name in found.names.items()):
        statements = message.tell(found.names)
    for statement in statements:
        report.rows += len(statement.owned["release"])
        report.flagged += _errors(statement)
        stamp = (message.header.created_at, statement.weight, own_id)
        same = found.absorbed.get(statement.id, [])
        report.notes += [
            f"conflict: {other} has a number of {statement.id}"
            for other in found.conflicts.get(statement.id, [])
        ]
        earlier = _statements(connection, "release", statement.numbers | set(same))
        named = {name: earlier[name] for name in (statement.id, *same) if name in earlier}
        known = list(named.values())
        purges = [said for said, _ in earlier.values() if said[1] == _PURGE_WEIGHT]
        if any(said > stamp for said in [*purges, *(said for said, _ in known)]):
            plan.superseded += 1
            _plan_joined(plan, statement, named, max(purges, default=None))
            newest = max([*purges, *(said for said, _ in known)])
            report.notes.append(f"{statement.id} is superseded by {newest[2]}")
            continue
        plan.claims.append((statement.id, statement, same))
        plan.replaced |= {said[2] for said, _ in known}
        before = earlier.get(statement.id, (stamp, None))[1]
        if statement.is_partial and before:
            partial.complete(connection, statement)
            plan.own_only(partial.owners_of(statement))
            now_owned = partial.owned_with(statement, before)
            known = known[1:]
        else:
            plan.own(statement.owned)
            now_owned = statement.owned
        for _, owned in known:
            plan.own(owned or {})
        plan.say(statement.rows)
        plan.stated.append((f"release/{statement.id}", stamp, now_owned))
        plan.stated += [(f"release/{other}", stamp, None) for other in same]
    return plan


def _plan_joined(
    plan: _Plan,
    statement: ReleaseStatement,
    named: Mapping[str, tuple[Stamp, dict[str, list[str]] | None]],
    purge: Stamp | None,
) -> None:
    """A statement that comes too late may still tell which releases are one.

    Of the releases that it names the newest stays, unless they have been purged since.
    """
    if not named:
        plan.claims.append((statement.id, statement, []))
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


def _plan_purge(
    connection: psycopg.Connection, message: Message, own_id: str, report: FileReport
) -> _Plan:
    plan = _Plan()
    stamp = (message.header.created_at, _PURGE_WEIGHT, own_id)
    for numbers in message.purged:
        report.rows += 1
        names, held = _named_by(connection, message.header.prefix, numbers)
        earlier = _statements(connection, "release", names | held)
        newer = {name for name, (said, _) in earlier.items() if said > stamp}
        for name in set(earlier) - newer:
            said, owned = earlier[name]
            plan.own(owned or {})
            plan.replaced.add(said[2])
        # A track release has no statement of its own: only it goes, its album stays.
        plan.own({"release": held - set(earlier)})
        plan.stated += [(f"release/{name}", stamp, None) for name in (names | set(earlier)) - newer]
        if newer:
            plan.superseded += 1
        elif not held and not any(owned for _, owned in earlier.values()):
            report.notes.append("purges a release that the catalog does not hold")
    return plan


def _named_by(
    connection: psycopg.Connection, prefix: str, numbers: list[Identifier]
) -> tuple[set[str], set[str]]:
    """Ids that a sender's release may have by its numbers, and those that do have them.

    Proprietary and catalogue numbers count only where there is no better one: they are shared.
    """
    usable = [n for n in numbers if not is_placeholder(n)]
    strong = [n for n in usable if n.scheme in ("gtin", "grid")] or usable
    held = connection.execute(
        "SELECT i.owner_id FROM identifier i JOIN unnest(%s::text[], %s::text[]) n (scheme, value)"
        " ON i.scheme = n.scheme AND i.value = n.value"
        " WHERE i.owner_type = 'release' AND starts_with(i.owner_id, %s)",
        ([n.scheme for n in strong], [n.value for n in strong], prefix),
    )
    claimed = set(identity.claimed(connection, identity.keys_of(prefix, strong)).values())
    if all(n.scheme in ("isrc", "catalog-number") for n in strong):
        weak = identity.weak_keys_of(prefix, strong)
        claimed |= identity.claimed_weakly(connection, weak)
    names = {f"{prefix}{as_part(n.value)}" for n in strong}
    return names | claimed, {name for (name,) in held}


def _plan_mentions(
    connection: psycopg.Connection, message: Message, own_id: str, plan: _Plan
) -> None:
    """Parties, artists and labels of whom nothing newer was said."""
    stamp = (message.header.created_at, 0, own_id)
    rows = message.parties
    plan.rows["licensor"] = rows.of("licensor")
    for table in _MENTIONED:
        earlier = _statements(connection, table, rows.ids(table))
        fresh = [
            row
            for row in rows.of(table)
            if (said := earlier.get(str(row["id"]))) is None or said[0] <= stamp
        ]
        plan.rows[table] = fresh
        ids = {str(row["id"]) for row in fresh}
        plan.stated += [(f"{table}/{name}", stamp, None) for name in sorted(ids)]
        if table == "party":
            plan.own({"party": ids})
            numbers = [row for row in rows.of("identifier") if row["owner_id"] in ids]
            plan.rows.setdefault("identifier", []).extend(numbers)


def _statements(
    connection: psycopg.Connection, kind: str, ids: Iterable[str]
) -> dict[str, tuple[Stamp, dict[str, list[str]] | None]]:
    """The newest that was said of each id, and what came with it."""
    rows = connection.execute(
        "SELECT substr(id, %s), created_at, weight, message_id, owned FROM statement"
        " WHERE id = ANY(%s)",
        (len(kind) + 2, [f"{kind}/{name}" for name in ids]),
    )
    return {name: ((at, weight, by), owned) for name, at, weight, by, owned in rows}


def _state(connection: psycopg.Connection, plan: _Plan, own_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO statement (id, created_at, weight, message_id, owned)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET"
            " created_at = excluded.created_at, weight = excluded.weight,"
            " message_id = excluded.message_id, owned = excluded.owned, updated_at = now()"
            " WHERE (statement.created_at, statement.weight, statement.message_id)"
            " IS DISTINCT FROM (excluded.created_at, excluded.weight, excluded.message_id)",
            [
                (name, at, weight, by, None if owned is None else Jsonb(owned))
                for name, (at, weight, by), owned in plan.stated
            ],
        )


def _mark_superseded(connection: psycopg.Connection, replaced: set[str], own_id: str) -> None:
    """Messages none of whose releases still say what they said, and by which message."""
    connection.execute(
        "UPDATE ern_message m SET status = 'superseded', updated_at = now(), message_id = %s"
        " WHERE m.id = ANY(%s) AND m.status <> 'superseded' AND NOT EXISTS (SELECT FROM statement s"
        " WHERE s.message_id = m.id AND starts_with(s.id, 'release/'))",
        (own_id, sorted(replaced)),
    )


def _known(connection: psycopg.Connection, sha256: str, *, is_test: bool) -> str | None:
    """The kind of a message that was taken in before; as a test isn't as one that counts."""
    row = connection.execute(
        "SELECT kind FROM ern_message WHERE sha256 = %s AND starts_with(kind, 'ern-')"
        " AND (status <> 'test' OR %s)",
        (sha256, is_test),
    ).fetchone()
    return None if row is None else row[0]


def _errors(statement: ReleaseStatement) -> int:
    numbers = statement.rows.of("identifier")
    return len(statement.rows.of("flaw")) + sum(not row["is_valid"] for row in numbers)
