"""Records with odd headers and keys on the real brokers, through translation with its traces.

Readers of headers are dead letters and traces; both take what any client may write.
"""

import secrets
from collections.abc import Iterator
from contextlib import closing
from random import Random
from threading import Event, Thread
from traceback import format_exc

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from adapters.composition.endpoints import Endpoints
from adapters.composition.preparation import register_contracts
from adapters.composition.translation import Watching, translation_context
from adapters.event_log.change_log import ChangeGroup
from adapters.event_log.topic_plans import TopicPlan, event_topics
from adapters.event_log.topics import Topics
from adapters.read_database.dead_letters import PostgresDeadLetters
from adapters.telemetry.headers import UNREADABLE, headers_of
from adapters.telemetry.spans import ChangeSpans, EventSpans
from domain.failures import LONGEST_REASON
from migrations.run import upgrade
from projections.ports.dead_letters import DeadLetter
from projections.translation import worker
from projections.translation.counters import TranslationCounters
from projections.translation.policy import AbsentColumn, Policy
from tests.adapters.capture.forms import POSTGRES
from tests.adapters.telemetry.spans import Memory
from tests.chain.size import Size
from tests.fuzz.changes import Record, good, odd
from tests.fuzz.raw_producer import RawHeaders, RawProducer, raw_producer
from tests.waiting import until

pytestmark = pytest.mark.integration

_TABLE = "artist"
GOOD, ODD = 0, 1
"""Partitions."""
_TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_NAMES = (
    b"", b"x", b"traceparent", b"tracestate", b"TraceParent", b"\xff\xfe", b"\xed\xa0\x80",
    "ключ".encode(), b"n" * 9_000, b"__debezium.newkey", b'"\\', b"\r\n", b"a\0b",
)  # fmt: skip
_VALUES = (
    None, b"", b"\0", b"\xff", b"{}", _TRACE, _TRACE[:-2] + b"00", _TRACE + b"-x",
    b"ff" + _TRACE[2:], _TRACE.replace(b"0af7", b"0AF7"), b"a=1,b=2", b"," * 600, b"v" * 9_000,
    "ключ".encode(),
)  # fmt: skip


def _headers(chance: Random) -> RawHeaders:
    count = chance.choice((0, 1, 1, 2, 5))
    return [(chance.choice(_NAMES), chance.choice(_VALUES)) for _ in range(count)]


@pytest.fixture
def topic(engines: Endpoints) -> Iterator[str]:
    """A change topic of artists with two partitions, on brokers that have all else."""
    Topics(engines.kafka).apply(event_topics(4))
    register_contracts(engines)
    name = f"fuzz{secrets.token_hex(4)}.public.{_TABLE}"
    Topics(engines.kafka).apply([TopicPlan(name, 2)])
    yield name
    admin = AdminClient(dict(engines.kafka))
    admin.delete_topics([name])[name].result()


def test_odd_headers_and_keys_end_nothing(
    engines: Endpoints, database: str, topic: str, size: Size
) -> None:
    upgrade(database, "engine", "engine")
    with raw_producer(engines.kafka) as producer:
        sent = _send(producer, topic, max(1, size.fuzzed // 20))
    counters = _translate(engines, database, topic, len(sent) * 2)
    assert counters.records == len(sent) * 2
    with closing(PostgresDeadLetters(database, None)) as dead_letters:
        parked = dead_letters.list(limit=len(sent) * 2)
    assert counters.parked == len(parked) > 0
    assert [one for one in parked if one.partition == GOOD] == []
    for one in parked:
        _judge(one, *sent[one.offset])
    _events_are_traced(engines, topic, len(sent))


def _send(producer: RawProducer, topic: str, count: int) -> list[tuple[Record, RawHeaders]]:
    """What went into the odd partition; beside each a good record with odd headers."""
    chance = Random(7)  # noqa: S311 - no secret
    sent: list[tuple[Record, RawHeaders]] = []
    while len(sent) < count:
        fine = good(chance, f"good-{len(sent)}", [POSTGRES])
        # One that can be decoded comes first: else the topic stops, rightly
        strange = odd(chance, f"odd-{len(sent)}") if sent else fine
        if not fine.topic.endswith(f".{_TABLE}"):
            continue
        headers = _headers(chance)
        producer.send(topic, GOOD, (fine.key, fine.value), _headers(chance))
        producer.send(topic, ODD, (strange.key, strange.value), headers)
        sent.append((strange, headers))
    producer.flush()
    return sent


def _translate(engines: Endpoints, database: str, topic: str, records: int) -> TranslationCounters:
    """Translate until all is done, with a trace of each change."""
    counters, stop = TranslationCounters(), Event()
    group = ChangeGroup(topic, "1", [topic])
    watching = Watching(counters, observer=ChangeSpans(Memory().tracer, 1.0))
    policy = Policy(absent_column=AbsentColumn.PARK)  # odd records lack columns
    failures: list[str] = []

    def run() -> None:
        try:
            with (
                closing(PostgresDeadLetters(database, None)) as dead_letters,
                translation_context(engines, group, watching, dead_letters, policy) as context,
            ):
                worker.run(context, stop)
        except Exception:
            failures.append(format_exc())

    thread = Thread(target=run)
    thread.start()
    try:
        until(lambda: counters.records >= records or not thread.is_alive(), 120, "all is read")
    finally:
        stop.set()
        thread.join(60)
    assert failures == [], "".join(failures)
    return counters


def _judge(letter: DeadLetter, record: Record, headers: RawHeaders) -> None:
    assert (letter.key, letter.value) == (record.key, record.value)
    assert 0 < len(letter.reason) <= LONGEST_REASON + 40
    assert list(letter.headers) == _kept(headers)


def _kept(headers: RawHeaders) -> list[tuple[str, bytes | None]]:
    """As a dead letter has them; a name is a text of C, which ends at its first zero."""
    try:
        return [(name.partition(b"\0")[0].decode(), value) for name, value in headers]
    except UnicodeDecodeError:
        return list(UNREADABLE)


def _events_are_traced(engines: Endpoints, topic: str, count: int) -> None:
    """The other reader of headers, on the same records."""
    traces = EventSpans(Memory().tracer)
    consumer = Consumer({**engines.kafka, "group.id": f"{topic}-headers"})
    found: list[Message] = []

    def has_all() -> bool:
        found.extend(consumer.consume(500, 1))
        return len(found) >= 2 * count

    try:
        consumer.assign([TopicPartition(topic, number, 0) for number in (GOOD, ODD)])
        until(has_all, 60, "all is read")
        traces.arrived(found)
        assert any(headers_of(message) == UNREADABLE for message in found)
    finally:
        consumer.close()
