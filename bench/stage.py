"""The engines that a run measures on, and what lies on their topics.

Topics are emptied by deleting them, and databases made for one case and dropped after it, so that
each case starts from nothing but what it names.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit, urlunsplit

import psycopg
from confluent_kafka.admin import AdminClient

from adapters.composition.endpoints import Endpoints
from adapters.composition.engines import running_engines
from adapters.composition.preparation import register_contracts
from adapters.composition.settings import Settings
from adapters.composition.topology import topology
from adapters.event_log.topic_plans import TopicPlan
from adapters.event_log.topics import Topics
from adapters.read_database.generations import ENGINE_SCHEMA
from bench.measuring import measured
from bench.scale import Scale
from migrations import run as migrations

JSON_TOPIC = "bench.track.json"
"""The track events once more, flat and as JSON, for peers that don't read Avro quickly."""
_DELETION_SECONDS = 60.0


@dataclass
class Stage:
    """Running engines, and which data are on their topics."""

    settings: Settings
    endpoints: Endpoints
    scale: Scale
    report: Callable[[str], None]
    holds: str = ""
    count: int = 0

    def hold(self, what: str, fill: Callable[[], int]) -> int:
        """See that the topics hold exactly `what`; `fill` puts it onto empty ones.

        Returns how many records `fill` wrote.
        """
        if self.holds != what:
            self.holds = ""
            self.report(f"filling the topics: {what}")
            _empty_topics(self.endpoints, self.settings)
            self.count = fill()
            self.holds = what
        return self.count

    def write(self, job: Callable[..., int], *arguments: object) -> int:
        """Run a job that writes events or changes; returns how many."""
        done = measured(job, self.endpoints, *arguments)
        self.report(f"{done.value:,} records in {done.seconds:.0f} s")
        return int(done.value)

    @contextmanager
    def database(self, name: str) -> Iterator[str]:
        """DSN of an empty database that is dropped afterwards."""
        with psycopg.connect(self.endpoints.read_dsn, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS bench_{name} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE bench_{name}".encode())
        try:
            yield urlunsplit(urlsplit(self.endpoints.read_dsn)._replace(path=f"/bench_{name}"))
        finally:
            with psycopg.connect(self.endpoints.read_dsn, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE bench_{name} WITH (FORCE)".encode())
                connection.execute("CHECKPOINT")  # its writes shall not burden the next case

    @contextmanager
    def read_side(self, name: str) -> Iterator[Endpoints]:
        """The endpoints with an empty read database of its own."""
        with self.database(name) as dsn:
            migrations.upgrade(dsn, "engine", ENGINE_SCHEMA)
            yield replace(self.endpoints, read_dsn=dsn)


@contextmanager
def running_stage(
    settings: Settings, scale: Scale, report: Callable[[str], None]
) -> Iterator[Stage]:
    """Start Kafka, registry and PostgreSQL afresh, without capture; stop them afterwards."""
    only = {"kafka", "registry", "master", "read"}
    with running_engines(settings, only=only, fresh=True, report=report) as endpoints:
        register_contracts(endpoints)
        yield Stage(settings, endpoints, scale, report)


def _empty_topics(endpoints: Endpoints, settings: Settings) -> None:
    """Delete and make again every topic of ours."""
    plans = [*topology(settings).all_topics, TopicPlan(JSON_TOPIC, settings.kafka.partitions)]
    admin = AdminClient(dict(endpoints.kafka) | {"log_level": 3})
    names = [plan.name for plan in plans if plan.name in admin.list_topics(timeout=30).topics]
    if names:
        for answer in admin.delete_topics(names, operation_timeout=30).values():
            answer.result()
        deadline = time.monotonic() + _DELETION_SECONDS
        while set(names) & admin.list_topics(timeout=30).topics.keys():
            if time.monotonic() > deadline:
                raise TimeoutError(f"topics are not deleted after {_DELETION_SECONDS:.0f} s")
            time.sleep(0.2)
    Topics(endpoints.kafka).apply(plans)
