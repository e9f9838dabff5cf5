"""What a record says of where it comes from: the position in the source's log, its commit."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from domain.translation.deduplication import GLOBAL_ID
from projections.ports.change_reader import Undecodable

_LSN_END = 1 << 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Source(msgspec.Struct, rename={"transaction": "txId"}):
    """The fields of `source` that are used, of all connectors together."""

    connector: str
    ts_ms: int
    ts_us: int | None = None
    table: str | None = None
    sequence: str | None = None
    lsn: int | None = None
    transaction: int | str | None = None
    """PostgreSQL's is a number, Oracle's a text."""
    commit_lsn: str | None = None
    change_lsn: str | None = None
    event_serial_no: int | None = None
    gtid: str | None = None
    file: str | None = None
    """Of the binary log: `mysql-bin.000003`."""
    pos: int | None = None
    row: int | None = None
    """Counts the rows of one event of the binary log."""
    commit_scn: str | None = None
    scn: str | None = None
    rs_id: str | None = None
    ssn: int | None = None
    lcr_position: str | None = None


_sequence = msgspec.json.Decoder(tuple[str | None, str | None])
_FILE_NUMBER = re.compile(r".*\.(\d{1,15})")


def position(source: Source) -> str:
    """Where the source's log says the change stands; what is before a slash orders (as text).

    Empty where the source doesn't say, as in an incremental snapshot, and for a connector whose
    positions aren't known here. Raises Undecodable for one that can't be.
    """
    known = _POSITIONS.get(source.connector)
    return "" if known is None else known(source)


def _postgresql(source: Source) -> str:
    """PostgreSQL decodes commits in order, so the last commit's LSN and the change's own order."""
    if source.sequence is not None:
        try:
            commit, lsn = _sequence.decode(source.sequence)
            return _ordered(int(commit or 0), int(lsn or 0))
        except (msgspec.DecodeError, ValueError):
            raise Undecodable(f"source.sequence is {source.sequence!r}") from None
    return "" if source.lsn is None else _ordered(0, source.lsn)


def _commit_lsn(source: Source) -> str:
    """SQL Server's (and Db2's) changes of one commit come by command, not by LSN, so only the
    commit orders."""
    if source.commit_lsn is None:
        return ""
    return f"{source.commit_lsn}/{source.change_lsn}/{source.event_serial_no}"


def _binlog(source: Source) -> str:
    """MySQL and MariaDB: the number of the log's file, the event in it, the row in that.

    Those of a replica are others: there a global transaction id says which change it is.
    """
    if source.file is None or source.pos is None:
        return ""
    numbered = _FILE_NUMBER.fullmatch(source.file)
    if numbered is None or not 0 <= source.pos < _LSN_END or not 0 <= (source.row or 0) < 1 << 32:
        raise Undecodable(
            f"the position {source.file!r}, {source.pos}, {source.row} is no binlog's"
        )
    order = f"{int(numbered[1]):016X}-{source.pos:016X}-{source.row or 0:08X}"
    return f"{order}/{GLOBAL_ID}{source.gtid}" if source.gtid else f"{order}/{source.file}"


def _oracle(source: Source) -> str:
    """Commits come in the order of their SCNs (LogMiner), changes by LCR position (XStream).

    All changes of a commit share its SCN, and one row may change twice in it: without what tells
    these apart (record set and sequence) the position isn't known well enough.
    """
    if source.lcr_position:
        return source.lcr_position
    if not source.commit_scn or not source.rs_id:
        return ""
    if not source.commit_scn.isdecimal() or len(source.commit_scn) > 24:
        raise Undecodable(f"source.commit_scn is {source.commit_scn!r}")
    detail = f"{source.transaction}/{source.scn}/{source.rs_id.strip()}/{source.ssn}"
    return f"{source.commit_scn:0>24}/{detail}"


def _ordered(commit: int, lsn: int) -> str:
    """Text that orders as the numbers do."""
    if not (0 <= commit < _LSN_END and 0 <= lsn < _LSN_END):
        raise Undecodable(f"the position {commit}, {lsn} is outside of PostgreSQL's log")
    return f"{commit:016X}-{lsn:016X}"


def transaction(source: Source) -> str | None:
    """Id of the transaction, the same for all changes of one commit."""
    if source.transaction is not None:
        return str(source.transaction)
    return source.commit_lsn or source.gtid


_POSITIONS: Mapping[str, Callable[[Source], str]] = {
    "postgresql": _postgresql,
    "sqlserver": _commit_lsn,
    "db2": _commit_lsn,
    "mysql": _binlog,
    "mariadb": _binlog,
    "oracle": _oracle,
}
"""By the connector's name in `source` (Debezium's documentation of each connector's events)."""


class CommitTimes:
    """Commit times; the changes of one commit share theirs, so the last one is remembered."""

    __slots__ = ("_latest", "_stamp")

    def __init__(self) -> None:
        self._stamp = 0
        self._latest = _EPOCH

    def of(self, source: Source) -> datetime:
        """When the source committed (UTC); for a snapshot's rows, when they were read."""
        stamp = source.ts_us if source.ts_us is not None else source.ts_ms * 1000
        if stamp != self._stamp:
            self._latest = _EPOCH + timedelta(microseconds=stamp)
            self._stamp = stamp
        return self._latest
