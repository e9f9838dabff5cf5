"""Recognise changes that capture sends again after a restart (it delivers at least once).

Within a partition the source's positions only grow, so a change above the newest position seen is
new. Positions can be equal (the rows of one COPY page; the two halves of a key change; all changes
of one SQL Server commit, whose inner order isn't that of its LSNs), so what was seen at the newest
position is remembered one by one. The memory fits into the metadata of a committed Kafka offset,
and so moves in the same transaction as the events it guards.

A change below the newest position is a repeat, or the source's log began anew: the server was
restored, upgraded, failed over. Its position doesn't tell, nor does its time, since clocks go
wrong: one commit from a clock that was an hour ahead once made all changes of the next hour pass
for repeats. So it is looked for among what was captured before, and dropped only where it is found.

Three cares, each against loss, which is worse than a repeat:
- a snapshot's read is never a repeat: it has the position of the snapshot, not of its row;
- a commit later than any seen needs no proof: a repeat has the time of what it repeats;
- a memory too large for the metadata leaves its newest entries out: what they stand for would come
  twice if capture *and* translation restart inside that very commit. (Leaving out the oldest would
  let an old change of a key through and drop the newer one.)
"""

import json
from base64 import b85encode
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from hashlib import blake2b
from itertools import chain, islice

from domain.changes import Change, Operation

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GLOBAL_ID = "gtid:"
"""Begins the detail of a position that is a transaction's global id, the same on all replicas."""
_MOST = 50_000
"""Changes remembered at one position; a heap page's COPY has under 300, a huge commit more."""


def order_of(position: str) -> str:
    """The part of a position that orders, as text: what stands before the first slash."""
    return position.partition("/")[0]


def sameness(change: Change) -> int:
    """A number that is the same for a change and its repeat, in this process.

    A position on a replica is another one; there the transaction's global id says which one it is,
    and the rows say which of its changes.
    """
    detail = change.position.partition("/")[2]
    where = change.position
    if detail.startswith(GLOBAL_ID):
        where = f"{detail} {change.before} {change.after}"
    return hash((change.operation, where, change.key["id"], change.committed_at))


def _identity(operation: Operation, position: str, key: object) -> str:
    return f"{operation.value} {position} {key}"


def _digest(identity: str) -> str:
    return b85encode(blake2b(identity.encode(), digest_size=8).digest()).decode()


_DIGEST_LENGTH = 10


class Verdict(Enum):
    """What a change is."""

    NEW = auto()
    REPEAT = auto()
    NEW_HISTORY = auto()
    """New, though positions seen before are above it: the source's log began anew."""


class Deduplicator:
    """What was last seen of one partition of a capture topic."""

    __slots__ = ("_digests", "_newest", "_order", "_seen")

    def __init__(self) -> None:
        self._order = ""
        self._newest: datetime | None = None
        self._seen: dict[str, None] = {}
        self._digests: dict[str, None] = {}

    @property
    def has_position(self) -> bool:
        """Whether any change with a position was seen."""
        return bool(self._order)

    def judge(self, change: Change, was_captured: Callable[[Change], bool]) -> Verdict:
        """What this change is; remembers it unless it is a repeat.

        `was_captured` says whether an earlier record says the same; it is asked only in doubt, and
        what it raises leaves everything as it was.
        """
        if change.operation is Operation.READ or not change.position:
            return Verdict.NEW
        verdict, order = Verdict.NEW, order_of(change.position)
        if order < self._order:
            if not self._is_later(change.committed_at) and was_captured(change):
                return Verdict.REPEAT
            verdict = Verdict.NEW_HISTORY
        identity = _identity(change.operation, change.position, change.key["id"])
        if order == self._order:
            if identity in self._seen or (self._digests and _digest(identity) in self._digests):
                return Verdict.REPEAT
            if len(self._seen) < _MOST:
                self._seen[identity] = None
        else:
            self._order = order
            self._seen = {identity: None}
            self._digests = {}
        if self._is_later(change.committed_at):
            self._newest = change.committed_at
        return verdict

    def _is_later(self, committed_at: datetime | None) -> bool:
        return committed_at is not None and (self._newest is None or committed_at > self._newest)

    def to_text(self, limit: int = 4000) -> str:
        """The memory in at most `limit` characters (brokers allow 4096 bytes unless told)."""
        if not self._order:
            return ""
        newest = "" if self._newest is None else str(_microseconds(self._newest))
        head = f"1 {self._order} {newest} "
        room = max(0, (limit - len(head)) // _DIGEST_LENGTH)
        oldest_first = chain(self._digests, map(_digest, self._seen))
        return head + "".join(islice(oldest_first, room))

    @classmethod
    def resumed(
        cls, newest: str, committed_at: datetime | None, seen: Iterable[tuple[str, str]]
    ) -> "Deduplicator":
        """Of a partition of which only the newest position, the latest commit, and (position, id)
        of the rows that changed there are known: what was done to a row at a position is taken
        for seen, whichever operation it was."""
        memory = cls()
        memory._order, memory._newest = order_of(newest), committed_at
        for position, key in seen:
            for operation in (Operation.INSERT, Operation.UPDATE, Operation.DELETE):
                memory._seen[_identity(operation, position, key)] = None
        return memory

    @classmethod
    def from_text(cls, text: str | None) -> "Deduplicator":
        """What `to_text` wrote; raises `ValueError` for anything else that isn't empty."""
        memory = cls()
        if not text:
            return memory
        parts = text.split(" ")
        if len(parts) != 4 or parts[0] != "1" or len(parts[3]) % _DIGEST_LENGTH:
            raise ValueError(f"this is no memory of repeats: {json.dumps(text[:80])}")
        memory._order = parts[1]
        if parts[2]:
            memory._newest = _EPOCH + timedelta(microseconds=int(parts[2]))
        digests = parts[3]
        memory._digests = dict.fromkeys(
            digests[at : at + _DIGEST_LENGTH] for at in range(0, len(digests), _DIGEST_LENGTH)
        )
        return memory


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
