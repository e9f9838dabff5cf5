"""Recognise changes that capture sends again after a restart (it delivers at least once).

Within a partition the source's positions only grow, so a change below the newest position seen is
a repeat. Positions can be equal (the rows of one COPY page; the two halves of a key change; all
changes of one SQL Server commit, whose inner order isn't that of its LSNs), so what was seen at
the newest position is remembered one by one. The memory fits into the metadata of a committed
Kafka offset, and so moves in the same transaction as the events it guards.

Three cares, each against loss, which is worse than a repeat:
- a snapshot's read is never a repeat: it has the position of the snapshot, not of its row;
- a change with a lower position but a later commit than any seen is new: the source's log started
  anew (restored from a backup, upgraded, failed over);
- a memory too large for the metadata leaves its newest entries out: what they stand for would come
  twice if capture *and* translation restart inside that very commit. (Leaving out the oldest would
  let an old change of a key through and drop the newer one.)
"""

import json
from base64 import b85encode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import chain, islice

from domain.changes import Change, Operation

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = 50_000
"""Changes remembered at one position; a heap page's COPY has under 300, a huge commit more."""


def order_of(position: str) -> str:
    """The part of a position that orders, as text: what stands before the first slash."""
    return position.partition("/")[0]


def _identity(operation: Operation, position: str, key: object) -> str:
    return f"{operation.value} {position} {key}"


def _digest(identity: str) -> str:
    return b85encode(blake2b(identity.encode(), digest_size=8).digest()).decode()


_DIGEST_LENGTH = 10


class Deduplicator:
    """What was last seen of one partition of a capture topic."""

    __slots__ = ("_digests", "_newest", "_order", "_seen")

    def __init__(self) -> None:
        self._order = ""
        self._newest: datetime | None = None
        self._seen: dict[str, None] = {}
        self._digests: dict[str, None] = {}

    def is_duplicate(self, change: Change) -> bool:
        """Whether this change was seen before; remembers it if it wasn't."""
        if change.operation is Operation.READ or not change.position:
            return False
        order = order_of(change.position)
        if order < self._order and not self._is_later(change.committed_at):
            return True
        identity = _identity(change.operation, change.position, change.key["id"])
        if order == self._order:
            if identity in self._seen or (self._digests and _digest(identity) in self._digests):
                return True
            if len(self._seen) < _MOST:
                self._seen[identity] = None
        else:
            self._order = order
            self._seen = {identity: None}
            self._digests = {}
        if self._is_later(change.committed_at):
            self._newest = change.committed_at
        return False

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
