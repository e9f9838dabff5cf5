"""Sources that are live, followed by a process each; and how each is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Event

import psycopg
import structlog

from adapters.capture.connect import ConnectProblem
from adapters.composition import clients, wiring
from adapters.composition import source_capture as capture
from adapters.composition.databases import READ_ONLY, master_connection
from adapters.composition.endpoints import Endpoints
from adapters.composition.identity import await_ours
from adapters.composition.settings import Settings
from adapters.monitoring.health import SourceStatus
from adapters.source import lifecycle, register
from adapters.source.definition import Source
from adapters.source.following import Following
from adapters.source.register import LIVE
from adapters.source.replicator import positions
from domain.failures import Failure, Unavailable
from projections.engine.backoff import backoff

log = structlog.get_logger("source")

_WAIT = 1.0
_RETRY = 15.0


def group(settings: Settings, name: str) -> str:
    """Consumer group of who follows a source; its positions are for monitoring only."""
    return f"{settings.kafka.prefix}catalog-source-{name}"


def follow(
    settings: Settings,
    endpoints: Endpoints,
    name: str,
    stop: Event,
    note: Callable[[int], None] = lambda rows: None,
) -> None:
    """Follow a source until `stop` is set or it is removed.

    What is away is waited for. What doesn't heal by itself is noted as the source's reason to
    stand still, and tried again now and then: nobody else is held up.
    """
    await_ours(settings, endpoints, stop)
    attempts = 0

    def read(rows: int) -> None:
        nonlocal attempts
        if rows:  # that it could begin is no success: what comes next may fail each time
            attempts = 0
        note(rows)

    while not stop.is_set():
        try:
            with master_connection(endpoints.master_dsn, f"source {name}") as master:
                found = register.find(master, name)
                if found is None:
                    log.info("the source is gone", source=name)
                    return
                if found.state != LIVE:
                    stop.wait(_WAIT)
                    continue
                _follow(settings, endpoints, master, found.source, stop, read)
        except Unavailable as away:
            attempts += 1
            log.warning("waiting", source=name, reason=str(away))
            stop.wait(backoff(attempts))
        except Failure as failed:
            log.error("stopped", source=name, reason=str(failed))
            _note(endpoints, name, str(failed))
            stop.wait(_RETRY)


def _follow(
    settings: Settings,
    endpoints: Endpoints,
    master: psycopg.Connection,
    source: Source,
    stop: Event,
    note: Callable[[int], None],
) -> None:
    names = lifecycle.topics_of(source)
    events = wiring.event_log(settings, endpoints)
    several: dict[str, int] = {}
    for topic, _ in events.bounds(names):
        several[topic] = several.get(topic, 0) + 1
    with capture.schemas(endpoints, source) as schemas:
        following = Following(
            master,
            source,
            lifecycle.prepared(source, lifecycle.replicated(master, source)),
            lifecycle.reader_of(master, source, schemas, several),
        )
        log.info("following", source=source.name, topics=len(names))

        def asked() -> bool:
            note(following.rows)
            return stop.is_set()

        following.run(events, group(settings, source.name), asked)


def _note(endpoints: Endpoints, name: str, reason: str) -> None:
    with suppress(Failure), master_connection(endpoints.master_dsn, f"source {name}") as master:
        found = register.find(master, name)
        if found is not None:
            register.stop(master, found.source, reason)


def applied_names(endpoints: Endpoints) -> list[str]:
    """Names of the sources that are applied. Raises Unavailable."""
    with master_connection(endpoints.master_dsn, "sources", READ_ONLY) as master:
        return register.names(master)


def status(settings: Settings, endpoints: Endpoints, name: str | None = None) -> list[SourceStatus]:
    """How all sources are, or the one of this name. Raises WrongUsage, Unavailable."""
    with master_connection(endpoints.master_dsn, "sources", READ_ONLY) as master:
        names = register.names(master) if name is None else [name]
        return [_status(settings, endpoints, master, one) for one in names]


def _status(
    settings: Settings, endpoints: Endpoints, master: psycopg.Connection, name: str
) -> SourceStatus:
    found = register.known(master, name)
    source = found.source
    mappings = lifecycle.prepared(source, lifecycle.replicated(master, source))
    settled = lifecycle.applied(master, source, mappings)
    topics = lifecycle.topics_of(source)
    there = clients.topics(endpoints).states(topics)
    bounds = {
        (topic, partition): of.end
        for topic, state in there.items()
        for partition, of in state.partitions.items()
    }
    at = positions(master, source)
    connected = ""
    if source.connector != "none":
        connected = "unknown"
        with suppress(ConnectProblem):
            seen = clients.kafka_connect(endpoints).status(capture.connector_name(settings, source))
            connected = seen.state if seen.is_running else f"{seen.state}, task {seen.task}"
    return SourceStatus(
        name=name,
        connector=source.connector,
        topics=len(topics),
        state="stopped" if found.stopped else found.state,
        reason=found.stopped,
        capture=connected,
        lag=sum(max(0, end - at.get(partition, 0)) for partition, end in bounds.items()),
        changed_at=found.changed_at,
        unusable=lifecycle.unusable(master, source),
        mappings={m.master: m in settled for m in mappings},
        is_exactly_once=source.exactly_once,
    )
