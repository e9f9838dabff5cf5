"""The messages that were taken in, and taking one back: it then says nothing any more.

What it said goes. Where other messages say something of its releases that counts (updates that
leave resources out, and what they update), the releases are as those make them. What it superseded
as a whole isn't kept and doesn't come back by itself: it can be taken in again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from adapters.ingestion.ern import history, identity
from adapters.ingestion.ern.history import Composed
from adapters.ingestion.ern.rows import Row
from adapters.ingestion.master.writer import DesiredState, lock, write
from domain.failures import Refused


@dataclass(frozen=True)
class TakenIn:
    """A feed file or ERN message that was taken in."""

    id: str
    kind: str
    status: str
    """begun, applied, superseded, test or withdrawn."""
    sender_dpid: str | None
    sender_message_id: str | None
    created_at: datetime | None
    """MessageCreatedDateTime; feeds have none."""
    updated_at: datetime
    """When it was taken in, or its status last changed."""
    source: str
    verdict: str | None
    """What was odd but did not hinder."""
    releases: list[str]
    """Of which it is the newest statement."""
    conflicts: list[str] = field(default_factory=list)
    """Numbers of these releases that other releases of the same sender have too."""


_SELECT = """SELECT m.id, m.kind, m.status, m.sender_dpid, m.sender_message_id, m.created_at,
    m.updated_at, m.source, m.verdict, coalesce((
        SELECT array_agg(substr(s.id, 9) ORDER BY s.id) FROM statement s
        WHERE s.message_id = m.id AND starts_with(s.id, 'release/')), '{}') AS releases
FROM ern_message m"""


_CONFLICTS = """SELECT DISTINCT i.scheme || ' ' || i.value || ' of ' || i.owner_id
    || ' is also a number of ' || o.owner_id AS told
FROM statement s
JOIN identifier i ON i.owner_id = substr(s.id, 9) AND i.owner_type = 'release' AND i.is_valid
JOIN identifier o ON o.value = i.value AND o.scheme = i.scheme AND o.owner_type = 'release'
WHERE s.message_id = %s AND starts_with(s.id, 'release/')
  AND i.scheme IN ('gtin', 'grid', 'proprietary') AND o.owner_id <> i.owner_id
  AND o.namespace IS NOT DISTINCT FROM i.namespace
  AND split_part(o.owner_id, ':', 1) = split_part(i.owner_id, ':', 1)
ORDER BY told"""


def taken_in(connection: psycopg.Connection, status: str | None, limit: int) -> list[TakenIn]:
    """The latest messages, newest first; `status` None: any."""
    with connection.cursor(row_factory=class_row(TakenIn)) as cursor:
        return cursor.execute(
            f"{_SELECT} WHERE %(status)s::text IS NULL OR m.status = %(status)s"
            " ORDER BY m.updated_at DESC, m.id LIMIT %(limit)s",
            {"status": status, "limit": limit},
        ).fetchall()


def message(connection: psycopg.Connection, own_id: str) -> TakenIn:
    """One message. Raises Refused where there is none."""
    with connection.cursor(row_factory=class_row(TakenIn)) as cursor:
        found = cursor.execute(f"{_SELECT} WHERE m.id = %s", (own_id,)).fetchone()
    if found is None:
        raise Refused(f"there is no message {own_id!r}; see `catalog messages`")
    conflicts = [text for (text,) in connection.execute(_CONFLICTS, (own_id,))]
    return replace(found, conflicts=conflicts)


def withdraw(connection: psycopg.Connection, own_id: str) -> dict[str, int]:
    """Take an ERN message back; returns how many rows went, by table.

    Raises Refused for what is no ERN message that was taken in.
    """
    if not message(connection, own_id).kind.startswith("ern-"):
        raise Refused(f"{own_id} is a feed; only ERN messages can be withdrawn")
    with connection.transaction():
        lock(connection)
        desired, remaining = _without(connection, own_id)
        changed = write(connection, desired, own_id)
        connection.execute("DELETE FROM statement WHERE message_id = %s", (own_id,))
        for name, composed in remaining.items():
            _state(connection, name, composed)
        history.keep(connection, {name: composed.parts for name, composed in remaining.items()})
        connection.execute("DELETE FROM release_part WHERE message_id = %s", (own_id,))
        connection.execute(
            "UPDATE ern_message SET status = 'withdrawn', content = NULL, updated_at = now()"
            " WHERE id = %s",
            (own_id,),
        )
    return dict(sorted(changed.items()))


def _without(
    connection: psycopg.Connection, own_id: str
) -> tuple[DesiredState, dict[str, Composed]]:
    """The state of a message's releases without it; and of those that others speak of too, how."""
    owners: dict[str, list[str]] = {}
    rows: dict[str, list[Iterable[Row]]] = {}
    remaining: dict[str, Composed] = {}
    stated = connection.execute(
        "SELECT substr(s.id, 9), s.owned FROM statement s WHERE starts_with(s.id, 'release/')"
        " AND (s.message_id = %(id)s OR substr(s.id, 9) = ANY("
        "  SELECT release_id FROM release_part WHERE message_id = %(id)s))",
        {"id": own_id},
    ).fetchall()
    parts = history.parts(connection, [name for name, _ in stated])
    for name, owned in stated:
        for kind, ids in (owned or {}).items():
            owners.setdefault(kind, []).extend(ids)
        if others := [part for part in parts.get(name, []) if part.stamp[2] != own_id]:
            remaining[name] = composed = history.compose(connection, name, others, {})
            for kind, ids in (composed.owned or {}).items():
                owners.setdefault(kind, []).extend(ids)
            for table in composed.rows:
                rows.setdefault(table, []).append(composed.rows.each(table))
    owners["whole release"] = owners.get("release", [])
    plain = {table: chain.from_iterable(parts) for table, parts in rows.items()}
    return DesiredState(plain_rows=plain, owners=owners), remaining


def _state(connection: psycopg.Connection, name: str, composed: Composed) -> None:
    """Keep what is now the newest that was said of a release, and its numbers."""
    at, weight, by = composed.newest
    owned = None if composed.owned is None else Jsonb(composed.owned)
    connection.execute(
        "INSERT INTO statement (id, created_at, weight, message_id, owned)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET"
        " created_at = excluded.created_at, weight = excluded.weight,"
        " message_id = excluded.message_id, owned = excluded.owned, updated_at = now()",
        (f"release/{name}", at, weight, by, owned),
    )
    for said in composed.statements:
        identity.claim(connection, name, said.keys, said.weak_keys, [], by)
