"""A read model's engine for the length of one command, with progress shown on stderr."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from adapters.cli.interruption import resumable
from adapters.cli.native_output import without_panics
from adapters.cli.phases import shown_on

if TYPE_CHECKING:
    from adapters.composition.kept import WorkerCommand
    from projections.engine.context import EngineContext
    from projections.engine.progress import Report
    from projections.read_model import ReadModel


@contextmanager
def engine_of(
    model: "ReadModel",
    command: str,
    helpers: "Sequence[WorkerCommand]" = (),
    *,
    reads_log: bool = True,
) -> "Iterator[tuple[EngineContext, Report]]":
    """What works on the generations of `model`, and how progress is shown.

    `helpers` run alongside; without `reads_log` Kafka may be away. A signal ends `command` with the
    note that it goes on where it was. Raises Failure.
    """
    from adapters.composition.clients import require_brokers
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.services import alongside
    from adapters.composition.settings import load_settings
    from adapters.composition.wiring import engine_context

    settings = load_settings()
    endpoints = resolve_endpoints(settings)
    if reads_log:
        require_brokers(endpoints)
    with (
        resumable(f"`{command}` goes on where it was"),
        without_panics(),
        alongside(helpers, settings),
        shown_on(Console(stderr=True)) as report,
        engine_context(settings, endpoints, model) as context,
    ):
        yield context, report
