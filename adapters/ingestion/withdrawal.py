"""The messages that were taken in, and taking one back: it then says nothing any more.

What it said goes, and so does what it superseded by: former and later messages of the same releases
can be taken in (again). Their own content isn't kept, so nothing comes back by itself.
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

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


_SELECT = """SELECT m.id, m.kind, m.status, m.sender_dpid, m.sender_message_id, m.created_at,
    m.updated_at, m.source, m.verdict, coalesce((
        SELECT array_agg(substr(s.id, 9) ORDER BY s.id) FROM statement s
        WHERE s.message_id = m.id AND starts_with(s.id, 'release/')), '{}') AS releases
FROM ern_message m"""


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
    return found


def withdraw(connection: psycopg.Connection, own_id: str) -> dict[str, int]:
    """Take an ERN message back; returns how many rows went, by table.

    Raises Refused for what is no ERN message that was taken in.
    """
    if not message(connection, own_id).kind.startswith("ern-"):
        raise Refused(f"{own_id} is a feed; only ERN messages can be withdrawn")
    with connection.transaction():
        lock(connection)
        stated = connection.execute(
            "SELECT owned FROM statement WHERE message_id = %s AND starts_with(id, 'release/')"
            " AND owned IS NOT NULL",
            (own_id,),
        ).fetchall()
        owners: dict[str, list[str]] = {}
        for (owned,) in stated:
            for kind, ids in owned.items():
                owners.setdefault(kind, []).extend(ids)
        owners["whole release"] = owners.get("release", [])
        changed = write(connection, DesiredState(owners=owners), own_id)
        connection.execute("DELETE FROM statement WHERE message_id = %s", (own_id,))
        connection.execute(
            "UPDATE ern_message SET status = 'withdrawn', updated_at = now() WHERE id = %s",
            (own_id,),
        )
    return dict(sorted(changed.items()))
