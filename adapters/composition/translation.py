"""The translating engine over Kafka, Debezium's records and PostgreSQL's dead letters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial

from adapters.capture.records import DebeziumReader
from adapters.composition import clients, databases
from adapters.composition.endpoints import Endpoints
from adapters.event_log.avro.decoder import ColumnDecoder
from adapters.event_log.avro.encoder import AvroEventEncoder
from adapters.event_log.change_log import ChangeGroup, KafkaChangeLog, KafkaGroupPositions
from adapters.event_log.connection import Statistics
from adapters.event_log.event_log import KafkaEventLog
from adapters.event_log.event_writer import KafkaEventWriter
from adapters.event_log.registry import Registry
from adapters.event_log.translated_positions import KafkaTranslatedPositions
from adapters.read_database.stopped_topics import PostgresStoppedTopics
from domain.failures import Refused
from projections.ports.change_log import Position
from projections.ports.dead_letters import DeadLetters, Retried, Stage
from projections.ports.translation_observer import TranslationObserver
from projections.translation.context import TranslationContext
from projections.translation.counters import TranslationCounters
from projections.translation.interpreter import Interpreter
from projections.translation.partition import note_of_topic
from projections.translation.policy import STRICT, Policy
from projections.translation.retry import RetryContext, retry


@dataclass(frozen=True)
class Watching:
    """Who observes what a translator does."""

    counters: TranslationCounters
    statistics: Statistics | None = None
    """Gets those of the Kafka clients."""
    observer: TranslationObserver | None = None


@contextmanager
def translation_context(
    endpoints: Endpoints,
    group: ChangeGroup,
    watching: Watching,
    dead_letters: DeadLetters | None = None,
    policy: Policy = STRICT,
    before: Callable[[], object] = lambda: None,
) -> Iterator[TranslationContext]:
    """What a translating process of this group works with; its own dead letters by default.

    `before` is called before a writer is opened, each time.
    """

    def open_writer() -> KafkaEventWriter:
        before()
        name = f"{group.group}-{group.instance}"
        return KafkaEventWriter(endpoints.kafka, name, watching.statistics)

    with (
        closing(clients.registry(endpoints)) as schemas,
        closing(databases.dead_letters(endpoints)) as own,
    ):
        yield TranslationContext(
            interpreter=_interpreter(schemas, policy),
            dead_letters=own if dead_letters is None else dead_letters,
            open_writer=open_writer,
            join=partial(KafkaChangeLog, endpoints.kafka, group, statistics=watching.statistics),
            changes=KafkaEventLog(endpoints.kafka),
            stopped_topics=PostgresStoppedTopics(endpoints.read_dsn),
            positions=KafkaTranslatedPositions(
                endpoints.kafka,
                group.group,
                group.topics,
                KafkaEventLog(endpoints.kafka),
                ColumnDecoder(schemas),
            ),
            observer=watching.observer,
            policy=policy,
            counters=watching.counters,
        )


def retry_translation(
    endpoints: Endpoints,
    group: str,
    numbers: Collection[int] | None = None,
    dead_letters: DeadLetters | None = None,
    policy: Policy = STRICT,
) -> Retried:
    """Try parked changes of a translating group again, see `projections.translation.retry`.

    Raises KafkaUnavailable, KafkaMisconfigured, and what reading dead letters raises.
    """
    kafka, own_group = endpoints.kafka, f"{group}-retry"
    with (
        closing(clients.registry(endpoints)) as schemas,
        closing(databases.dead_letters(endpoints)) as own,
        closing(KafkaEventWriter(kafka, own_group)) as writer,
        closing(KafkaGroupPositions(kafka, own_group)) as positions,
    ):
        interpreter = _interpreter(schemas, policy)
        interpreter.prepare()
        dead_letters = own if dead_letters is None else dead_letters
        context = RetryContext(interpreter, dead_letters, writer, positions, policy)
        return retry(context, numbers)


def retranslate(endpoints: Endpoints, group: str, topics: Sequence[str]) -> None:
    """Have change topics translated from their beginning, by whoever translates next.

    For topics that were made anew. Raises Refused while the group has members, or while records of
    the topics are parked: new ones at their places would pass for them.
    """
    with closing(databases.dead_letters(endpoints)) as parked:
        for topic in topics:
            if count := len(parked.list(Stage.TRANSLATE, topic)):
                raise Refused(
                    f"{count} records of the former {topic} are parked: retry or discard them"
                    " first (`catalog dead-letters`)"
                )
    brokers = clients.topics(endpoints)
    ids, bounds = brokers.ids(topics), brokers.bounds(topics)
    with closing(KafkaGroupPositions(endpoints.kafka, group)) as positions:
        beginning = {name: Position(0, note_of_topic(ids.get(name))) for name in topics}
        positions.write({at: beginning[at[0]] for at in bounds})


def _interpreter(schemas: Registry, policy: Policy) -> Interpreter:
    reader = DebeziumReader(is_exactly_once=policy.is_exactly_once)
    return Interpreter(reader, AvroEventEncoder(schemas))
