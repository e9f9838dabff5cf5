"""What a record says of where it comes from: the position in the source's log, its commit."""

from datetime import UTC, datetime, timedelta

import msgspec

from domain.failures import Unusable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UndecodableChange(Unusable):
    """A record that can't be read as what its topic promises; `str()` says what is wrong."""


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
            return f"{int(commit or 0):016X}-{int(lsn or 0):016X}"
        except (msgspec.DecodeError, ValueError):
            raise UndecodableChange(f"source.sequence is {source.sequence!r}") from None
    return "" if source.lsn is None else f"{0:016X}-{source.lsn:016X}"


def transaction(source: Source) -> str | None:
    """Id of the transaction, the same for all changes of one commit."""
    if source.transaction is not None:
        return str(source.transaction)
    return source.commit_lsn


class Moments:
    """Commit times; the changes of one commit share theirs, so the last one is remembered."""

    __slots__ = ("_moment", "_stamp")

    def __init__(self) -> None:
        self._stamp = 0
        self._moment = _EPOCH

    def of(self, source: Source) -> datetime:
        """When the source committed (UTC); for a snapshot's rows, when they were read."""
        stamp = source.ts_us if source.ts_us is not None else source.ts_ms * 1000
        if stamp != self._stamp:
            self._moment = _EPOCH + timedelta(microseconds=stamp)
            self._stamp = stamp
        return self._moment
