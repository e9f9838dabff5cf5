"""The embedded engines as the settings want them, and the addresses of all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from adapters.composition.endpoints import (
    ENGINES,
    Endpoints,
    endpoints,
    given_addresses,
    kafka_options,
)
from adapters.composition.settings import Settings
from adapters.embedded import engines as embedded
from adapters.embedded.engines import MARIADB, EnginePlan

Report = Callable[[str], None]


@dataclass(frozen=True)
class Supervised:
    """All engines, and the function that keeps the embedded ones running."""

    endpoints: Endpoints
    check: Callable[[], bool]
    """To be called now and then; see `embedded.engines.RunningEngines.check`."""
    mariadb: str = ""
    """Address of the embedded MariaDB; empty where none was asked for."""


@contextmanager
def running_engines(
    settings: Settings,
    *,
    only: Collection[str] | None = None,
    fresh: bool = False,
    report: Report = lambda line: None,
) -> Iterator[Endpoints]:
    """`supervised_engines` for who only wants to know where the engines are."""
    with supervised_engines(settings, only=only, fresh=fresh, report=report) as engines:
        yield engines.endpoints


@contextmanager
def supervised_engines(
    settings: Settings,
    *,
    only: Collection[str] | None = None,
    fresh: bool = False,
    report: Report = lambda line: None,
) -> Iterator[Supervised]:
    """Start every engine whose address isn't set; on leaving stop them all.

    `only` narrows what is started to some of ENGINES (with what these need); the endpoints of
    others are then empty. Raises what `embedded.engines.running_engines` raises.
    """
    plan = engine_plan(settings)
    with embedded.running_engines(plan, only=only, fresh=fresh, report=report) as running:
        complete = dict.fromkeys(ENGINES, "") | dict(plan.given) | running.addresses
        mariadb = running.addresses.get(MARIADB, "")
        yield Supervised(endpoints(settings, complete), running.check, mariadb)


def engine_plan(settings: Settings) -> EnginePlan:
    """What the settings want to be embedded."""
    own = settings.embedded
    return EnginePlan(
        data=settings.data,
        cache=settings.cache,
        given=given_addresses(settings),
        kafka_options=kafka_options(settings),
        prefix=settings.kafka.prefix,
        ports={
            "kafka": own.kafka_port,
            "postgres": own.postgres_port,
            "connect": own.connect_port,
            "registry": own.registry_port,
            MARIADB: own.mariadb_port,
        },
        heap_mb={
            "kafka": own.kafka_heap_mb,
            "connect": own.connect_heap_mb,
            "registry": own.registry_heap_mb,
        },
        full_jit=own.full_jit,
        maven_mirror=own.maven_mirror,
        mariadb=own.mariadb,
        connectors=tuple(own.connectors),
    )
