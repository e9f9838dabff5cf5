"""The ports that work on generations needs, bundled: wired in one place, passed along as one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from projections.engine.apply import Applier, lag
from projections.engine.progress import Meter, Report
from projections.engine.replay import replay
from projections.ports import EventDecoder, EventLog, TopicPartition
from projections.read_model import ReadModel
from projections.store import Generation, Generations, ReadStore


@dataclass(frozen=True)
class Parts:
    """A read model with its log, its decoder and its database."""

    model: ReadModel
    events: EventLog
    decoder: EventDecoder
    store: ReadStore
    generations: Generations

    def replay_into(
        self,
        generation: Generation,
        until: Mapping[TopicPartition, int],
        *,
        park: bool,
        report: Report,
        observe: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Bring a generation to exactly `until` (it is nowhere beyond, or it stays so there)."""
        applier = Applier(self.model, self.decoder, self.store, generation, park=park)
        missing = lag(applier.positions, until)
        if not missing:
            return
        meter = Meter(generation.phase.value, missing, report)

        def count(records: int) -> None:
            meter.add(records)
            observe(records)

        replay(applier, self.events, until, count)
        meter.end()
