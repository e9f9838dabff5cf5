"""The ports that work on generations needs, bundled: wired in one place, passed along as one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic

from projections.engine.apply import Applier, lag
from projections.engine.progress import Meter, Progress, Report
from projections.engine.replay import replay
from projections.ports import EventDecoder, EventLog, Spool, TopicPartition
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
    spool: Callable[[], Spool]
    """Makes an empty one."""

    def replay_into(
        self,
        generation: Generation,
        until: Mapping[TopicPartition, int],
        *,
        park: bool,
        report: Report,
    ) -> None:
        """Bring a generation to exactly `until` (where it is beyond, it stays there)."""
        applier = Applier(self.model, self.decoder, self.store, generation, park=park)
        missing = lag(applier.positions, until)
        if not missing:
            return
        meter = Meter(generation.phase.value, missing, self.noted(generation, report))
        replay(applier, self.events, until, meter.add)
        meter.end()

    def noted(self, generation: Generation, report: Report) -> Report:
        """A report that is also kept with the generation, once a second."""
        last = float("-inf")

        def both(progress: Progress) -> None:
            nonlocal last
            report(progress)
            if monotonic() - last >= 1.0:
                last = monotonic()
                self.generations.note_progress(generation, progress.as_dict())

        return both
