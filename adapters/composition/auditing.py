"""Wires the audit: the master as it is, the event log as it says, and how they are made equal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from confluent_kafka import Producer

from adapters.capture.master_rows import PostgresMaster
from adapters.capture.records import DebeziumReader, id_of
from adapters.capture.signals import Signals
from adapters.composition import clients, databases, wiring
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.composition.topology import (
    topology,
    translate_group,
    translated_tables,
)
from adapters.event_log.avro.decoder import ColumnDecoder
from adapters.event_log.avro.encoder import AvroEventEncoder
from adapters.event_log.producer import producer, write_durably
from adapters.monitoring.marker import Passage
from adapters.read_database.spool import DiskSpool
from domain.events import Event, topic_of
from domain.failures import WrongUsage
from projections.audit.audit import AuditContext
from projections.ports.change_reader import Skip, Undecodable
from projections.ports.dead_letters import Stage
from projections.ports.master import MasterRow
from projections.translation.interpreter import Interpreter


@contextmanager
def audit_context(
    settings: Settings, endpoints: Endpoints, report: Callable[[str, int], None]
) -> Iterator[AuditContext]:
    """What an audit works with. `report` gets a table and how many rows and records were read."""
    prefix, schema = settings.connect.topic_prefix, settings.master.schema_name
    connect = partial(databases.master_connection, endpoints.master_dsn, "audit")
    passage = Passage(
        connect=connect,
        consumer=partial(clients.reader, endpoints, "audit"),
        positions=partial(clients.positions, endpoints),
        topics=clients.topics(endpoints),
        prefix=prefix,
        change_topics=[topic.name for topic in topology(settings).change_topics],
        group=translate_group(settings),
    )
    with closing(clients.registry(endpoints)) as registry:
        interpreter = Interpreter(DebeziumReader(), AvroEventEncoder(registry))

        def interpret(table: str, row: MasterRow) -> Sequence[tuple[str, bytes, bytes]]:
            topic = f"{prefix}.{schema}.{table}"
            change = interpreter.change(topic, 0, 0, row.key, row.value)
            return [] if isinstance(change, Skip) else interpreter.events(change)

        yield AuditContext(
            master=PostgresMaster(connect, schema, passage.await_all),
            interpret=interpret,
            events=wiring.event_log(settings, endpoints),
            decoder=ColumnDecoder(registry),
            spool=DiskSpool,
            report=report,
        )


def audited_tables(names: Sequence[str]) -> list[str]:
    """The tables of these names, all by default, in the order of translation. Raises WrongUsage."""
    tables = translated_tables()
    if unknown := set(names) - set(tables):
        raise WrongUsage(
            f"no events are made of {', '.join(sorted(unknown))}; there are {', '.join(tables)}"
        )
    return [table for table in tables if table in names or not names]


@contextmanager
def healer(settings: Settings, endpoints: Endpoints) -> Iterator[LogHealer]:
    """What changes the log for an audit."""
    prefix, schema = settings.connect.topic_prefix, settings.master.schema_name
    with (
        closing(clients.registry(endpoints)) as registry,
        closing(databases.dead_letters(endpoints)) as dead_letters,
    ):
        writer = producer(endpoints.kafka)

        def parked(table: str) -> set[str]:
            topic = f"{prefix}.{schema}.{table}"
            return set(_ids(dead_letters.parked_keys(Stage.TRANSLATE, topic)))

        yield LogHealer(schema, Signals(writer, prefix), AvroEventEncoder(registry), writer, parked)


def _ids(keys: Iterable[bytes]) -> Iterator[str]:
    """Ids of the rows with these keys; a key that can't be read is no row's."""
    for key in keys:
        with suppress(Undecodable):
            yield id_of(key)


@dataclass(frozen=True)
class LogHealer:
    """Implements `projections.audit.healing.Healer`."""

    schema: str
    """Of the master's tables."""
    signals: Signals
    encoder: AvroEventEncoder
    producer: Producer
    parked: Callable[[str], Collection[str]]
    """See the port."""

    def recapture(self, table: str, ids: Sequence[str] | None) -> None:
        """See the port."""
        self.signals.recapture(f"{self.schema}.{table}", ids)

    def write(self, events: Sequence[Event]) -> None:
        """See the port."""
        write_durably(
            self.producer,
            [
                (topic_of(event.SUBJECT), event.id.encode(), self.encoder.encode(event))
                for event in events
            ],
        )
