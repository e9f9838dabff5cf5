"""Replication slots of the master's server.

A slot that nobody reads holds its WAL for ever and fills the disk, so those of stopped connectors
must be seen, and dropped on purpose.
"""

from dataclasses import dataclass

import psycopg

from domain.failures import Failure, WrongUsage


class MasterProblem(Failure):
    """The master database can't be asked."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One logical replication slot."""

    name: str
    database: str
    is_active: bool
    """Whether somebody reads it now."""
    retained_bytes: int | None
    """WAL that the server keeps for it; None once the server has given it up."""
    unread_bytes: int | None
    """WAL that its reader hasn't confirmed."""


_LIST = """
    SELECT slot_name, database, active,
           pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint,
           pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint
    FROM pg_replication_slots WHERE slot_type = 'logical' ORDER BY slot_name
"""


def list_slots(master: psycopg.Connection) -> list[Slot]:
    """All logical slots of the server. Raises MasterProblem where it can't be asked."""
    try:
        return [Slot(*row) for row in master.execute(_LIST)]
    except psycopg.Error as problem:
        said = next(iter(str(problem).strip().splitlines()), type(problem).__name__)
        raise MasterProblem(
            f"the slots of the master database can't be listed (CATALOG_MASTER__URL): {said}"
        ) from None


def drop_slot(master: psycopg.Connection, name: str) -> None:
    """Drop a slot that nobody reads; its reader would need a new snapshot.

    Raises WrongUsage for a slot that is active or isn't there.
    """
    try:
        master.execute("SELECT pg_drop_replication_slot(%s)", (name,))
    except psycopg.errors.ObjectInUse:
        raise WrongUsage(
            f"the slot {name} is being read: stop its connector first (`catalog connect status`)"
        ) from None
    except psycopg.errors.UndefinedObject:
        raise WrongUsage(f"there is no slot {name} (`catalog connect slots` lists them)") from None
    except psycopg.Error as problem:
        raise MasterProblem(f"the slot {name} can't be dropped: {problem}") from None


@dataclass(frozen=True, slots=True)
class SlotReading:
    """A logical replication slot, and how far its reader is behind the log as it was before."""

    name: str
    is_active: bool
    is_ours: bool
    retained_bytes: int
    """0 also where the server has given it up."""
    unread_bytes: int | None
    """None where nobody reads; during a snapshot, too."""


def slot_readings(connection: psycopg.Connection, ours: str) -> list[SlotReading]:
    """All logical slots; `ours` is the connector's. On the master database.

    What is unread is measured against the log's end before the readers are looked at, so that
    new writes don't seem unread.
    """
    now = connection.execute("SELECT pg_current_wal_lsn()").fetchone()
    rows = connection.execute(
        """SELECT slot_name, active, slot_name = %s,
            coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint,
            CASE WHEN r.sent_lsn IS NOT NULL
                 THEN greatest(pg_wal_lsn_diff(%s::pg_lsn, r.sent_lsn), 0)::bigint END
        FROM pg_replication_slots AS s LEFT JOIN pg_stat_replication AS r ON r.pid = s.active_pid
        WHERE slot_type = 'logical' ORDER BY slot_name""",
        (ours, now and now[0]),
    )
    return [SlotReading(*row) for row in rows]
