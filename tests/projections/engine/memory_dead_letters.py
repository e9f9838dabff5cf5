"""Parked records in memory."""

from collections.abc import Sequence
from dataclasses import replace

from domain.failures import Unusable, reason_of
from projections.ports.dead_letters import DeadLetter, NoDeadLetter, Place, RejectedRecord, Stage
from projections.ports.read_store import StoreBusy
from tests.projections.engine.memory_store import EPOCH, MemoryDatabase


class MemoryDeadLetters:
    """Implements `projections.ports.dead_letters.DeadLetters`."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    @property
    def _db(self) -> MemoryDatabase:
        """The database, unless it is away."""
        if self._database.is_away:
            raise StoreBusy("the read database is away")
        return self._database

    def park(self, record: RejectedRecord) -> None:
        """See the port."""
        live = self._db.live()
        is_event = record.stage is Stage.PROJECT
        generation = live.generation.number if live and is_event else 0
        place = (record.stage, record.topic, record.partition, record.offset)
        for one in self._db.dead_letters.values():
            if (one.stage, one.topic, one.partition, one.offset) == place:
                return
        number = max(self._db.dead_letters, default=0) + 1
        self._db.dead_letters[number] = DeadLetter(
            number, record.stage, self._db.model.name if is_event else "", generation,
            record.topic, record.partition, record.offset, record.key, record.value,
            list(record.headers), reason_of(Unusable(record.reason)), EPOCH, 0,
        )  # fmt: skip

    def first_parked(self, stage: Stage, topic: str, key: bytes) -> int | None:
        """See the port."""
        return min((one.offset for one in self.list(stage, topic, key)), default=None)

    def first(self, stage: Stage, topic: str, key: bytes) -> DeadLetter | None:
        """See the port."""
        return next(iter(self.list(stage, topic, key, limit=1)), None)

    def places(self, stage: Stage) -> list[Place]:
        """See the port."""
        return [
            Place(one.number, one.topic, one.partition, one.offset, one.key)
            for one in self._of(stage)
        ]

    def parked_keys(self, stage: Stage, topic: str) -> set[bytes]:
        """See the port."""
        return {one.key for one in self.list(stage, topic) if one.key is not None}

    def list(
        self,
        stage: Stage | None = None,
        topic: str | None = None,
        key: bytes | None = None,
        limit: int | None = None,
    ) -> list[DeadLetter]:
        """See the port."""
        found = [
            one
            for one in self._of(stage)
            if (topic is None or one.topic == topic) and (key is None or one.key == key)
        ]
        return found[:limit]

    def _of(self, stage: Stage | None) -> Sequence[DeadLetter]:
        live = self._db.live()
        number = live.generation.number if live else 0
        found = [
            one
            for one in self._db.dead_letters.values()
            if (stage is None or one.stage is stage)
            and (one.stage is Stage.TRANSLATE or one.generation == number)
        ]
        return sorted(
            found, key=lambda o: (o.stage is Stage.PROJECT, o.topic, o.partition, o.offset)
        )

    def show(self, number: int) -> DeadLetter:
        """See the port."""
        if number not in self._db.dead_letters:
            raise NoDeadLetter(number)
        return self._db.dead_letters[number]

    def discard(self, numbers: Sequence[int]) -> int:
        """See the port."""
        gone = [one for number in numbers if (one := self._db.dead_letters.pop(number, None))]
        self._db.discarded |= {
            (one.topic, one.partition, one.offset) for one in gone if one.stage is Stage.PROJECT
        }
        for number, one in [*self._db.dead_letters.items()]:
            place = (one.topic, one.partition, one.offset)
            if one.stage is Stage.PROJECT and place in self._db.discarded:
                del self._db.dead_letters[number]
        return len(gone)

    def note_failure(self, number: int, reason: str) -> None:
        """See the port."""
        if dead_letter := self._db.dead_letters.get(number):
            self._db.dead_letters[number] = replace(
                dead_letter, attempts=dead_letter.attempts + 1, reason=reason_of(Unusable(reason))
            )
