"""The ports that work on generations needs, bundled: wired in one place, passed along as one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

from projections.engine.apply import Applier, lag
from projections.engine.poison import Poison, superseded_at
from projections.engine.progress import Meter, Progress, Report, with_estimates
from projections.engine.replay import replay
from projections.ports.event_decoder import EventDecoder
from projections.ports.event_log import EventLog, TopicPartition
from projections.ports.generations import Generation, Generations, Phase, Throughput
from projections.ports.read_store import ReadStore
from projections.ports.spool import Spool
from projections.read_model import ReadModel


@dataclass(frozen=True)
class EngineContext:
    """A read model with its log, its decoder and its database."""

    model: ReadModel
    events: EventLog
    decoder: EventDecoder
    store: ReadStore
    generations: Generations
    spool: Callable[[], Spool]
    """Makes an empty one."""
    expected: Mapping[str, float] = field(default_factory=dict)
    """Seconds that each phase should take, as far as former rebuilds tell (see `plan`)."""

    def replay_into(
        self,
        generation: Generation,
        until: Mapping[TopicPartition, int],
        *,
        park: bool,
        report: Report,
    ) -> None:
        """Bring a generation to exactly `until` (where it is beyond, it stays there).

        Raises Poison where a record of the topics that it is made of stays parked, unless `park`.
        """
        applier = Applier(self.model, self.decoder, self.store, generation)
        if missing := lag(applier.positions, until):
            meter = Meter(generation.phase.value, missing, self.noted(generation, report))
            replay(applier, self.events, until, meter.add)
            meter.end()
        if park:
            return
        topics = set(self.model.topics) - generation.scope.carried
        if (first := self.store.first_parked(generation.number, topics)) is not None:
            position = applier.positions[first.topic, first.partition]
            beyond = superseded_at(self.model, self.events, self.decoder, [first], position)
            raise Poison(first, next(iter(beyond.values()), None))

    @contextmanager
    def timed(
        self, generation: Generation, offsets: int, phase: str = Phase.FILLING
    ) -> Iterator[None]:
        """Keep how long a phase took for so many offsets; nothing of one that failed."""
        began = monotonic()
        yield
        self.generations.note_throughput(
            generation, phase, Throughput(offsets, monotonic() - began)
        )

    def noted(self, generation: Generation, report: Report) -> Report:
        """A report that is also kept with the generation, once per second and for each phase."""
        last, phase = float("-inf"), ""

        def both(progress: Progress) -> None:
            nonlocal last, phase
            report(progress)
            if monotonic() - last >= 1.0 or progress.phase != phase:
                last, phase = monotonic(), progress.phase
                self.generations.note_progress(generation, progress.as_dict())

        return with_estimates(both, self.expected)

    def by_table(self, generation: Generation, phase: str, report: Report) -> Callable[[str], None]:
        """Called with the name of each table that a phase takes up, reports how far it is."""
        noted, total, begun = self.noted(generation, report), len(self.model.projections), -1

        def taken_up(table: str) -> None:
            nonlocal begun
            begun += 1
            noted(Progress(phase, begun, total, detail=table))

        return taken_up
