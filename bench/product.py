"""The product at work: the jobs whose memory is measured, importing nothing but the product."""

from dataclasses import replace

from adapters.composition import workers
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.composition.wiring import engine_context
from bench.measuring import Clock
from projections.catalog import CATALOG
from projections.engine.progress import Progress
from projections.engine.rebuild import ensure_live, rebuild
from projections.read_model import ReadModel


def track_model() -> ReadModel:
    """The read catalog's track table alone."""
    projections = tuple(p for p in CATALOG.projections if p.subject == "track")
    return replace(CATALOG, projections=projections)


def build(
    clock: Clock, settings: Settings, endpoints: Endpoints, model: ReadModel
) -> dict[str, float]:
    """Rebuild, verify and switch; returns seconds by phase."""
    phases: dict[str, float] = {}
    with engine_context(settings, endpoints, model) as context:
        clock.start()

        def note(progress: Progress) -> None:
            if progress.done:
                clock.mark(progress.done)
            phases.setdefault(f"{progress.phase} {progress.detail}".strip(), clock.elapsed())

        done = rebuild(context, report=note)
        clock.stop()
    if not done.switched:
        raise RuntimeError(f"not switched: {done.comparison}")
    ends = [*list(phases.values())[1:], clock.ended - clock.began]
    return {
        phase: round(end - begin, 2)
        for (phase, begin), end in zip(phases.items(), ends, strict=True)
    }


def project(clock: Clock, settings: Settings, endpoints: Endpoints) -> int:
    """Work until the checkpoints are at the topic's end; returns how many records were stored."""
    with engine_context(settings, endpoints, track_model()) as context:
        ensure_live(context)
        ends = {p: bounds.end for p, bounds in context.events.bounds(context.model.topics).items()}
        done = 0
        with workers.live_worker(settings, context) as worker:
            clock.start()
            while True:
                stored = worker.step(0.2)
                done += stored
                clock.mark(done)
                if not stored and _is_through(context.store.checkpoints(worker.generation), ends):
                    break
            clock.stop()
    return done


def _is_through(positions: dict[tuple[str, int], int], ends: dict[tuple[str, int], int]) -> bool:
    return all(positions.get(partition, 0) >= end for partition, end in ends.items())
