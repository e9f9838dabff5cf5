"""Reads captured records, whatever captured them."""

from dataclasses import dataclass
from typing import Protocol

from domain.changes import Change
from domain.failures import Unusable


class Undecodable(Unusable):
    """A record that can't be read as what its topic promises; `str()` says what is wrong."""


class NoPosition(Undecodable):
    """A change without a position in the source's log: whether it comes again can't be known."""


@dataclass(frozen=True, slots=True)
class Skip:
    """A record that speaks of no row."""

    reason: str
    """tombstone, heartbeat, transaction, schema change, truncate, logical message …"""


class ChangeReader(Protocol):
    """Makes changes of records. The same bytes always make the same."""

    def read(
        self, topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None
    ) -> Change | Skip:
        """Read one record. Whatever it raises is the record's fault; Undecodable says why."""
        ...
