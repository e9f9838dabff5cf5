"""The workers that `catalog up` keeps running: each a process of its own, and replaced if it ends.

They are the commands that a production installation runs under its own supervisor: nothing is
special about a worker that `up` started; it may be killed at any moment, and is then replaced.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from adapters.composition import clients
from adapters.composition.endpoints import Endpoints
from adapters.composition.kept import (
    STOP_SECONDS,
    Kept,
    KeptConnector,
    WorkerCommand,
    worker_process,
)
from adapters.composition.preparation import prepare
from adapters.composition.settings import Settings
from adapters.composition.source_services import following_sources
from adapters.composition.topology import READ_MODELS
from adapters.embedded.processes import EngineFailed, EngineProcess

_ALONE = "`catalog up --no-workers` runs the engines alone, to mend what stops a worker"


@contextmanager
def kept_running(
    commands: Sequence[WorkerCommand], settings: Settings, report: Callable[[str], None]
) -> Iterator[Callable[[], None]]:
    """Run `commands` until the context is left; what it yields must be called now and then.

    That call starts again what ended, and raises EngineFailed (with the end of the log) when
    one ends again and again.
    """
    kept: list[Kept] = []
    try:
        for command in commands:
            kept.append(Kept(command, settings, len(kept)))

        def check() -> None:
            for one in kept:
                try:
                    one.check(report)
                except EngineFailed as failed:
                    raise EngineFailed(f"{failed}\n{_ALONE}") from failed

        yield check
    finally:
        for one in kept:
            one.process.ask_to_stop()
        for one in kept:
            one.process.await_stop(STOP_SECONDS)


@contextmanager
def alongside(commands: Sequence[WorkerCommand], settings: Settings) -> Iterator[None]:
    """Run `commands` until each has ended, or the context is left."""
    running: list[EngineProcess] = []
    try:
        for index, command in enumerate(commands):
            running.append(worker_process(command, settings, index))
        yield
    finally:
        for one in running:
            one.ask_to_stop()
        for one in running:
            one.await_stop(STOP_SECONDS)


WORKERS = (
    WorkerCommand("translate", ("translate",)),
    *(
        WorkerCommand(f"project-{model.name}", ("project", "--model", model.name))
        for model in READ_MODELS
    ),
)
"""What `catalog up` keeps running."""

INBOX = WorkerCommand("inbox", ("inbox",))
"""It does so too where settings name an inbox."""


def workers(settings: Settings) -> tuple[WorkerCommand, ...]:
    """What `catalog up` keeps running under these settings."""
    return (*WORKERS, INBOX) if settings.inbox.where else WORKERS


@contextmanager
def running_workers(
    settings: Settings, endpoints: Endpoints, report: Callable[[str], None]
) -> Iterator[Callable[[], None]]:
    """Prepare what is outside, and run the workers until the context is left.

    Yields a function that is called twice per second and raises a Failure when a worker ends
    again and again. It also starts a connector again that failed, as it does when its database or
    Kafka was away for long.
    """
    prepare(settings, endpoints, report)
    capture = KeptConnector(clients.kafka_connect(endpoints), settings.connect.connector)
    commands = workers(settings)
    with (
        kept_running(commands, settings, report) as check,
        following_sources(settings, endpoints, report) as check_sources,
    ):
        report(f"workers: {', '.join(one.name for one in commands)}")

        def check_all() -> None:
            check()
            capture.check(report)
            check_sources()

        yield check_all
