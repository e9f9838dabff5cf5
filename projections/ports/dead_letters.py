"""Records that could not be used: parked with their bytes until they are resolved or discarded.

At the translate stage later records of a key wait behind a parked one: a change is told by what was
before it. At the project stage nothing waits: an event carries the whole state of its row, and the
next one of its key that can be used supersedes what is parked before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.failures import WrongUsage


class Stage(StrEnum):
    """Where in the chain a record was parked."""

    TRANSLATE = "translate"
    PROJECT = "project"


Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A parked record with all that is needed to try it again."""

    number: int
    stage: Stage
    read_model: str
    """Empty at the translate stage, which comes before all read models."""
    generation: int
    """0 at the translate stage, which has no generations."""
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    reason: str
    parked_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Place:
    """A parked record without its bytes: for going through many."""

    number: int
    topic: str
    partition: int
    offset: int
    key: bytes | None


class NoDeadLetter(WrongUsage):
    """No dead letter has this number (any more)."""

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no dead letter {number}: it was resolved or discarded")


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that is to be parked: where it stands, its bytes, and why it can't be used."""

    stage: Stage
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    reason: str


@dataclass(frozen=True, slots=True)
class Retried:
    """Numbers of the dead letters that were resolved, and of those that failed again, with why."""

    done: tuple[int, ...]
    failed: dict[int, str]
    superseded: tuple[int, ...] = ()
    """Numbers of those that a later event of their key, resolved now, has made needless."""


class DeadLetters(Protocol):
    """Parked records: never lost, in order per key. All of it raises Unavailable."""

    def park(self, record: RejectedRecord) -> None:
        """Park one record, durably before this returns; parking it again changes nothing."""
        ...

    def first_parked(self, stage: Stage, topic: str, key: bytes) -> int | None:
        """Offset of the first parked record of this key; all records of a key are in one
        partition."""
        ...

    def first(self, stage: Stage, topic: str, key: bytes) -> DeadLetter | None:
        """The dead letter that all others of this key wait for."""
        ...

    def places(self, stage: Stage) -> list[Place]:
        """All of a stage in the order (topic, partition, offset), as `list` has them."""
        ...

    def parked_keys(self, stage: Stage, topic: str) -> set[bytes]:
        """Keys that have parked records."""
        ...

    def list(
        self,
        stage: Stage | None = None,
        topic: str | None = None,
        key: bytes | None = None,
        limit: int | None = None,
    ) -> list[DeadLetter]:
        """Dead letters in the order (stage, topic, partition, offset); of the project stage only
        those of the live generation."""
        ...

    def show(self, number: int) -> DeadLetter:
        """One dead letter. Raises NoDeadLetter."""
        ...

    def discard(self, numbers: Sequence[int]) -> int:
        """Forget dead letters, on purpose or because they were dealt with; returns how many.

        An event is discarded for its read model: all its generations forget it, and those to come
        pass its position over (see `ReadStore.discarded`)."""
        ...

    def note_failure(self, number: int, reason: str) -> None:
        """A retry failed: count it and keep the newest reason."""
        ...
