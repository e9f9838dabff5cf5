"""The sources that `catalog up` follows: a process each, and each one's connector kept running.

One is begun when a source is applied, and ended when it is removed. One that ends again and again
is left alone and told of: no other source, and nothing else, ends with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from adapters.composition import clients
from adapters.composition import source_capture as capture
from adapters.composition.databases import READ_ONLY, master_connection
from adapters.composition.endpoints import Endpoints
from adapters.composition.kept import STOP_SECONDS, Kept, KeptConnector, WorkerCommand
from adapters.composition.settings import Settings
from adapters.embedded.processes import EngineFailed
from adapters.source import register
from domain.failures import Failure

_LOOK_SECONDS = 2.0
_FIRST_PORT = 20
"""Metrics ports of sources come that far behind the first worker's."""

Report = Callable[[str], None]


class _Sources:
    def __init__(self, settings: Settings, endpoints: Endpoints, report: Report) -> None:
        self._settings, self._endpoints, self._report = settings, endpoints, report
        self._kept: dict[str, Kept] = {}
        self._connectors: dict[str, KeptConnector] = {}
        self._given_up: set[str] = set()
        self._looked = float("-inf")

    def check(self) -> None:
        """Look for sources now and then, and keep up who follows them."""
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._looked = time.monotonic()
            with suppress(Failure):  # the master is away: who keeps it up says so
                self._look()
        for name, kept in list(self._kept.items()):
            try:
                kept.check(self._report)
            except EngineFailed as failed:
                self._report(f"the source {name} isn't followed any more: {failed}")
                self._given_up.add(name)
                del self._kept[name]
        for connector in self._connectors.values():
            connector.check(self._report)

    def _look(self) -> None:
        with master_connection(self._endpoints.master_dsn, "sources", READ_ONLY) as master:
            there = {
                name: found.source
                for name in register.names(master)
                if (found := register.find(master, name)) is not None
            }
        for name in self._kept.keys() - there.keys():
            _end([self._kept.pop(name)])
            self._connectors.pop(name, None)
            self._report(f"the source {name} is removed")
        for name in there.keys() - self._kept.keys() - self._given_up:
            command = WorkerCommand(f"source-{name}", ("source", "run", name))
            self._kept[name] = Kept(command, self._settings, _FIRST_PORT + len(self._kept))
            self._report(f"following the source {name}")
            if there[name].connector != "none":
                self._connectors[name] = KeptConnector(
                    clients.kafka_connect(self._endpoints),
                    capture.connector_name(self._settings, there[name]),
                )

    def close(self) -> None:
        """End who follows."""
        _end(list(self._kept.values()))


def _end(kept: list[Kept]) -> None:
    for one in kept:
        one.process.ask_to_stop()
    for one in kept:
        one.process.await_stop(STOP_SECONDS)


@contextmanager
def following_sources(
    settings: Settings, endpoints: Endpoints, report: Report
) -> Iterator[Callable[[], None]]:
    """Follow all sources until the context is left; what it yields must be called now and then."""
    sources = _Sources(settings, endpoints, report)
    try:
        yield sources.check
    finally:
        sources.close()
