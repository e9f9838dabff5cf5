"""What a record says of where it comes from: the position in the source's log, its commit."""

from datetime import UTC, datetime, timedelta

import msgspec

from projections.ports.change_reader import Undecodable

_LSN_END = 1 << 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Source(msgspec.Struct, rename={"transaction": "txId"}):
    """The fields of `source` that are used; PostgreSQL's and SQL Server's together."""

    connector: str
    ts_ms: int
    ts_us: int | None = None
    table: str | None = None
    sequence: str | None = None
    lsn: int | None = None
    transaction: int | None = None
    commit_lsn: str | None = None
    change_lsn: str | None = None
    event_serial_no: int | None = None


_sequence = msgspec.json.Decoder(tuple[str | None, str | None])


def position(source: Source) -> str:
    """Where the source's log says the change stands; what is before a slash orders (as text).

    PostgreSQL decodes commits in order, so the last commit's LSN and the change's own order all
    changes. SQL Server's changes of one commit come by command, not by LSN, so only the commit
    orders.
    """
    if source.commit_lsn is not None:
        return f"{source.commit_lsn}/{source.change_lsn}/{source.event_serial_no}"
    if source.sequence is not None:
        try:
            commit, lsn = _sequence.decode(source.sequence)
            return _ordered(int(commit or 0), int(lsn or 0))
        except (msgspec.DecodeError, ValueError):
            raise Undecodable(f"source.sequence is {source.sequence!r}") from None
    return "" if source.lsn is None else _ordered(0, source.lsn)


def _ordered(commit: int, lsn: int) -> str:
    """Text that orders as the numbers do."""
    if not (0 <= commit < _LSN_END and 0 <= lsn < _LSN_END):
        raise Undecodable(f"the position {commit}, {lsn} is outside of PostgreSQL's log")
    return f"{commit:016X}-{lsn:016X}"


def transaction(source: Source) -> str | None:
    """Id of the transaction, the same for all changes of one commit."""
    if source.transaction is not None:
        return str(source.transaction)
    return source.commit_lsn


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
