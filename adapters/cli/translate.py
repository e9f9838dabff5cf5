"""`catalog translate`: a worker that makes typed events of captured changes."""

from typing import Annotated

import structlog
import typer

from adapters.cli.interruption import stopping

log = structlog.get_logger("translate")


def register(app: typer.Typer) -> None:
    """Add `translate` to the command."""
    app.command()(translate)


def translate(
    instance: Annotated[
        str,
        typer.Option(
            help="Name of this process among the translating ones; the same after a restart.",
        ),
    ] = "1",
) -> None:
    """Translate changes into events.

    Until it is told to stop (Ctrl-C, SIGTERM). It may be killed at any moment: started again with
    the same --instance it goes on at once, and no event is lost or written twice. Several may
    run, each with an --instance of its own.
    """
    from adapters.composition import workers
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.composition.tracing import traced_changes
    from adapters.composition.translation import Watching
    from adapters.composition.workers import watched
    from adapters.telemetry.exposition import StopSignal
    from projections.translation.counters import TranslationCounters

    settings = load_settings()
    endpoints = resolve_endpoints(settings)
    stop, counters = StopSignal(), TranslationCounters()
    with (
        stopping(stop),
        watched(settings, stop, f"translate-{instance}") as metrics,
        traced_changes(settings.tracing, instance) as traces,
    ):
        metrics.note_translation(counters)
        workers.translate(
            settings,
            endpoints,
            stop,
            instance=instance,
            watching=Watching(counters, metrics.note_statistics, traces),
        )
        log.info(
            "stopped",
            records=counters.records,
            events=counters.events,
            duplicates=counters.duplicates,
            parked=counters.parked,
        )
