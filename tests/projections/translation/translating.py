"""A translating engine over brokers in memory, as tests of it need one."""

from collections.abc import Callable
from dataclasses import dataclass, field

from domain.changes import Change, Coordinates, Operation
from domain.failures import Unavailable
from projections.ports.change_log import OnAssign, OnLost
from projections.ports.change_reader import Skip, Undecodable
from projections.ports.dead_letters import DeadLetters, RejectedRecord, Stage
from projections.ports.event_log import TopicPartition
from projections.ports.event_writer import OutgoingEvent
from projections.ports.stopped_topics import Stop
from projections.ports.translation_observer import TranslationObserver
from projections.translation.context import TranslationContext
from projections.translation.counters import TranslationCounters
from projections.translation.interpreter import Interpreter
from projections.translation.policy import STRICT, Policy
from projections.translation.session import Session
from tests.projections.engine.chain import MODEL
from tests.projections.engine.memory_dead_letters import MemoryDeadLetters
from tests.projections.engine.memory_store import MemoryDatabase
from tests.projections.translation.memory_brokers import (
    MemoryBrokers,
    MemoryChangeLog,
    MemoryChanges,
    MemoryEventWriter,
    MemoryTranslatedPositions,
)

TOPIC = "master.public.track"
GROUP = "translate"
POISON = b"poison"


class PlainInterpreter(Interpreter):
    """A record's value is its number in the source's log; poison has one too.

    An event's value is `topic/partition/offset/index`, a space, and that number.
    """

    def __init__(self, count: Callable[[Change], int] = lambda _: 1) -> None:
        """`count` says how many events a change makes."""
        self._count = count

    def prepare(self) -> None:
        """Nothing to do."""

    def change(
        self, topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None
    ) -> Change | Skip:
        """See the class."""
        if value is None or key is None:
            return Skip("tombstone")
        if value.startswith(POISON):
            raise Undecodable("it is poison")
        return Change(
            table="track", operation=Operation.INSERT, key={"id": key.decode()}, before=None,
            after=None, coordinates=Coordinates(topic, partition, offset),
            position=value.decode(), transaction=None, committed_at=None,
        )  # fmt: skip

    def events(self, change: Change) -> list[OutgoingEvent]:
        """See the class."""
        at = change.coordinates
        return [
            OutgoingEvent(
                "catalog.track",
                str(change.key["id"]).encode(),
                f"{at.topic}/{at.partition}/{at.offset}/{index} {change.position}".encode(),
            )
            for index in range(self._count(change))
        ]


class DeadLettersAway(MemoryDeadLetters):
    """Can't be reached while `are_away`."""

    are_away = False

    def park(self, record: RejectedRecord) -> None:
        """See the port."""
        self._reach()
        super().park(record)

    def parked_keys(self, stage: Stage, topic: str) -> set[bytes]:
        """See the port."""
        self._reach()
        return super().parked_keys(stage, topic)

    def first_parked(self, stage: Stage, topic: str, key: bytes) -> int | None:
        """See the port."""
        self._reach()
        return super().first_parked(stage, topic, key)

    def _reach(self) -> None:
        if self.are_away:
            raise Unavailable("the read database is away")


def dead_letters() -> DeadLettersAway:
    """None yet."""
    return DeadLettersAway(MemoryDatabase(MODEL))


@dataclass
class Translation:
    """What several processes of a test share."""

    brokers: MemoryBrokers
    dead_letters: DeadLetters = field(default_factory=dead_letters)
    interpreter: Interpreter = field(default_factory=PlainInterpreter)
    observer: TranslationObserver | None = None
    policy: Policy = STRICT
    stops: list[Stop] = field(default_factory=list)

    def note(self, stop: Stop) -> None:
        """Implements `projections.ports.stopped_topics.StoppedTopics`."""
        if getattr(self.dead_letters, "are_away", False):
            raise Unavailable("the read database is away")
        self.stops.append(stop)

    def context(
        self, instance: str = "1", given: tuple[TopicPartition, ...] = ((TOPIC, 0),)
    ) -> TranslationContext:
        """The context of a process to which these partitions are given."""

        def join(on_assign: OnAssign, on_lost: OnLost) -> MemoryChangeLog:
            return MemoryChangeLog(self.brokers, GROUP, instance, on_assign, on_lost, given)

        return TranslationContext(
            interpreter=self.interpreter,
            dead_letters=self.dead_letters,
            open_writer=lambda: MemoryEventWriter(self.brokers, instance),
            join=join,
            changes=MemoryChanges(self.brokers),
            stopped_topics=self,
            positions=MemoryTranslatedPositions(self.brokers, GROUP),
            observer=self.observer,
            policy=self.policy,
            counters=TranslationCounters(),
        )

    def session(
        self, instance: str = "1", given: tuple[TopicPartition, ...] = ((TOPIC, 0),)
    ) -> Session:
        """A process at work."""
        return Session(self.context(instance, given))

    def written(self) -> list[tuple[bytes, bytes]]:
        """(key, number in the source's log) of the events, in order."""
        return [(one.key, one.value.partition(b" ")[2]) for one in self.brokers.written]
