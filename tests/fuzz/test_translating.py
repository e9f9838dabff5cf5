"""Odd change records through the whole translating engine, over brokers in memory.

Each is looked at once; it made events, said nothing, came twice, or is parked with a reason. The
good ones of other partitions, and those between, make their events.
"""

from collections import defaultdict
from random import Random

from adapters.capture.records import DebeziumReader
from adapters.event_log.avro.encoder import AvroEventEncoder
from domain.failures import LONGEST_REASON
from projections.ports.event_log import TopicPartition
from projections.translation.interpreter import Interpreter
from projections.translation.policy import AbsentColumn, Policy
from projections.translation.session import Session
from tests.adapters.capture.forms import POSTGRES
from tests.adapters.event_log.avro.dictionary import DictionaryRegistry
from tests.chain.size import Size
from tests.fuzz.changes import good, odd
from tests.projections.translation.memory_brokers import MemoryBrokers
from tests.projections.translation.translating import GROUP, Translation

_RECORDS = 200
"""Of one seed, good and odd each."""
GOOD, ODD = 0, 1
"""Partitions. Positions only grow within a partition, and odd records have odd positions."""
_REGISTRY = DictionaryRegistry()


def test_a_translator_outlives_odd_records(size: Size) -> None:
    for seed in range(max(1, size.fuzzed // (5 * _RECORDS))):
        chance = Random(seed)  # noqa: S311 - no secret
        brokers = MemoryBrokers(_records(chance))
        sent = {at: len(records) for at, records in brokers.records.items()}
        interpreter = Interpreter(DebeziumReader(), AvroEventEncoder(_REGISTRY))
        policy = Policy(absent_column=AbsentColumn.PARK)  # odd records lack columns
        translation = Translation(brokers, interpreter=interpreter, policy=policy)
        context = translation.context(given=tuple(brokers.records))
        session, counters = Session(context), context.counters
        while session.step(0):
            pass
        where = f"seed {seed}"
        assert counters.records == sum(sent.values()), where
        parked = translation.dead_letters.list()
        assert counters.parked == len(parked), where
        assert not counters.stopped_topics, where
        assert [one for one in parked if one.partition == GOOD] == [], where
        assert all(0 < len(one.reason) <= LONGEST_REASON + 40 for one in parked), where
        for one in parked:
            at = (one.topic, one.partition)
            assert (one.key, one.value) == brokers.records[at][one.offset], where
        assert {at: position.offset for at, position in brokers.committed[GROUP].items()} == sent, (
            where
        )
        assert _good_alone(brokers) == [
            event for event in brokers.written if event.key.startswith(b"good-")
        ], where


def _records(
    chance: Random,
) -> dict[TopicPartition, list[tuple[bytes | None, bytes | None]]]:
    records = defaultdict[TopicPartition, list[tuple[bytes | None, bytes | None]]](list)
    for number in range(_RECORDS):
        topic, key, value = good(chance, f"good-{number}", [POSTGRES])
        records[topic, GOOD].append((key, value))
        _, key, value = odd(chance, f"odd-{number}")
        records[topic, ODD].append((key, value))
    return dict(records)


def _good_alone(brokers: MemoryBrokers) -> list[object]:
    """What the good records make where there are no others."""
    alone = MemoryBrokers({at: records for at, records in brokers.records.items() if at[1] == GOOD})
    interpreter = Interpreter(DebeziumReader(), AvroEventEncoder(_REGISTRY))
    context = Translation(alone, interpreter=interpreter).context(given=tuple(alone.records))
    session = Session(context)
    while session.step(0):
        pass
    assert (context.counters.parked, context.counters.duplicates) == (0, 0)
    return list(alone.written)
