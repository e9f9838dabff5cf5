"""A whole read side in memory: log, database, workers, and what a plain replay comes to."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from projections.catalog import CATALOG
from projections.engine.context import EngineContext
from projections.engine.worker import Worker
from projections.ports.dead_letters import DeadLetters
from projections.ports.event_log import TopicPartition
from projections.ports.generations import Generation, Generations, Phase
from projections.ports.read_store import ReadStore, StoreBusy, Write
from projections.read_model import ReadModel
from tests.projections.engine.memory_dead_letters import MemoryDeadLetters
from tests.projections.engine.memory_generations import MemoryGenerations
from tests.projections.engine.memory_log import ODD, JsonDecoder, MemoryLog, event
from tests.projections.engine.memory_spool import MemorySpool
from tests.projections.engine.memory_store import MemoryDatabase, MemoryReadStore

MODEL = ReadModel(
    "catalog",
    "catalog",
    "read_catalog",
    tuple(p for p in CATALOG.projections if p.subject in {"track", "label"}),
)
"""Two tables are enough to see them mixed."""

NAMES = {"track": ("TrackAdded", "TrackUpdated", "TrackRemoved"),
         "label": ("LabelAdded", "LabelUpdated", "LabelRemoved")}  # fmt: skip
FIELD = {"track": "title", "label": "name"}
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


Tables = dict[str, dict[str, tuple[object, object]]]


class Flaky:
    """Mixed into a store: loses its connection when told to, before or after the commit."""

    fails: str | None = None

    def write(self, generation: Generation, write: Write) -> None:
        """See the port."""
        fails, self.fails = self.fails, None
        if fails == "before":
            raise StoreBusy("lost before the commit")
        super().write(generation, write)  # type: ignore[misc]
        if fails == "after":
            raise StoreBusy("lost after the commit")


class FlakyStore(Flaky, MemoryReadStore):
    """In memory."""


@dataclass
class Chain:
    """What the tests of the engine move about."""

    log: MemoryLog = field(default_factory=lambda: MemoryLog.of(MODEL.topics))
    database: MemoryDatabase = field(default_factory=lambda: MemoryDatabase(MODEL))
    decoder: JsonDecoder = field(default_factory=JsonDecoder)

    def store(self) -> ReadStore:
        """A connection of its own to the read database."""
        return MemoryReadStore(self.database)

    def generations(self) -> Generations:
        """The generations in the read database."""
        return MemoryGenerations(self.database)

    def dead_letters(self) -> DeadLetters:
        """The parked records in the read database."""
        return MemoryDeadLetters(self.database)

    @property
    def is_held(self) -> bool:
        """Whether a switch keeps workers from writing: in one thread one would wait for ever."""
        return self.database.held

    def close(self) -> None:
        """Give back what is open."""

    @property
    def context(self) -> EngineContext:
        """The engine's view, with a store of its own."""
        return EngineContext(
            MODEL, self.log, self.decoder, self.store(), self.generations(), MemorySpool
        )

    def worker(self, store: ReadStore | None = None) -> Worker:
        """A new member of the group, without partitions."""
        return Worker(MODEL, self.log, self.decoder, store or self.store(), "group")

    def say(
        self,
        subject: str,
        key: int,
        kind: int,
        value: str,
        gap: int = 0,
        at: datetime | None = BEGINNING,
    ) -> int:
        """Write an event. Some values are special: `junk` is no event at all, `huge` is one that
        its handler can't use, text with a NUL is one that no database can hold, and what begins
        with `odd` can be decoded once the decoder knows odd ones."""
        partition = (f"catalog.{subject}", key % 2)
        id = f"{subject}{key}"
        number = self.log.ends.get(partition, 0)
        if value == "junk":
            return self.log.append(partition, id, b"junk", gap)
        state: dict[str, object] = {FIELD[subject]: value}
        if value == "huge":
            state["duration_ms"] = 2**40
        told = event(NAMES[subject][kind], id, number, at=at, **state)
        return self.log.append(partition, id, ODD + told if value.startswith("odd") else told, gap)

    def content(self) -> Tables:
        """Table → id → (value, offset) of the live generation."""
        generations = self.generations()
        (live,) = [one for one in generations.all() if one.phase is Phase.LIVE]
        return self.content_of(live)

    def content_of(self, generation: Generation) -> Tables:
        """The same of any generation."""
        found: Tables = {}
        with self.generations().read(generation) as reader:
            for table, name in FIELD.items():
                ids = [id for id, _ in reader.checksums(table, ["id"])]
                rows = reader.rows(table, ids)
                found[table] = {id: (row[name], row["event_offset"]) for id, row in rows.items()}
        return found

    def checkpoints(self) -> dict[TopicPartition, int]:
        """Of the live generation."""
        store = self.store()
        live = store.live()
        assert live is not None
        return store.checkpoints(live.number)

    def replayed(self, up_to: datetime | None = None) -> Tables:
        """What `content` must be: every event that can be used and wasn't discarded applied in
        turn; with `up_to` without the events that were committed later."""
        tables: Tables = {"label": {}, "track": {}}
        discarded = self.store().discarded()
        for (topic, number), records in self.log.partitions.items():
            subject = topic.split(".")[1]
            for offset, _, value in records:
                if value == b"junk" or offset in discarded.get((topic, number), ()):
                    continue
                if (value or b"").startswith(ODD) and not self.decoder.knows_odd:
                    continue
                fields = json.loads((value or b"").removeprefix(ODD))
                at = fields["origin"]["committed_at"]
                if up_to is not None and datetime.fromisoformat(at) > up_to:
                    continue
                if any(sign in (value or b"") for sign in (b"huge", b"\\u0000")):
                    continue
                if fields["event"].endswith("Removed"):
                    tables[subject].pop(fields["id"], None)
                else:
                    tables[subject][fields["id"]] = (fields[FIELD[subject]], offset)
        return tables

    def ends(self) -> dict[TopicPartition, int]:
        """Where every checkpoint must end up."""
        return {p: self.log.ends.get(p, 0) for p in self.log.partitions}
