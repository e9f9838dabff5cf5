"""Odd change records beside good ones, through reading, translating, encoding and decoding."""

from collections import Counter, defaultdict
from random import Random

from adapters.capture.records import DebeziumReader
from adapters.event_log.avro.decoder import ColumnDecoder
from adapters.event_log.avro.encoder import AvroEventEncoder
from domain.failures import LONGEST_REASON, Unusable, reason_of
from projections.ports.change_reader import Skip
from projections.ports.event_log import RecordBatch
from projections.ports.event_writer import OutgoingEvent
from projections.translation.interpreter import Interpreter
from tests.adapters.event_log.avro.dictionary import DictionaryRegistry
from tests.chain.size import Size
from tests.fuzz.changes import Record, good, odd

_REGISTRY = DictionaryRegistry()
_RECORDS = 500
"""Of one seed."""


def _interpreter() -> Interpreter:
    return Interpreter(DebeziumReader(), AvroEventEncoder(_REGISTRY))


def _judged(interpreter: Interpreter, record: Record, offset: int) -> list[OutgoingEvent] | str:
    """The events of a record, or why there are none: the rule of where records are judged."""
    try:
        change = interpreter.change(record.topic, 0, offset, record.key, record.value)
        return change.reason if isinstance(change, Skip) else interpreter.events(change)
    except Unusable as error:
        return reason_of(error)


def test_odd_changes_spoil_nothing(size: Size) -> None:
    for seed in range(size.fuzzed // _RECORDS):
        chance = Random(seed)  # noqa: S311 - no secret
        is_odd = [chance.random() < 0.8 for _ in range(_RECORDS)]
        records = [(odd if wild else good)(chance, str(i)) for i, wild in enumerate(is_odd)]
        interpreter, undisturbed = _interpreter(), _interpreter()
        outcomes = [_judged(interpreter, record, i) for i, record in enumerate(records)]
        assert len(outcomes) == len(records)
        for i, outcome in enumerate(outcomes):
            where = f"seed {seed}, record {i}"
            if isinstance(outcome, str):
                assert len(outcome) <= LONGEST_REASON + 40, where
                assert outcome == outcome.encode(errors="replace").decode(), where
            if not is_odd[i]:
                assert not isinstance(outcome, str), f"{where}: {outcome}"
                alone = _judged(undisturbed, records[i], i)  # which sees no odd ones
                assert outcome == alone, where
        _all_can_be_read([events for events in outcomes if not isinstance(events, str)], seed)


def _all_can_be_read(outcomes: list[list[OutgoingEvent]], seed: int) -> None:
    """What translation writes, projection reads: each event is a row, none is set aside."""
    by_topic: dict[str, list[OutgoingEvent]] = defaultdict(list)
    for events in outcomes:
        for event in events:
            by_topic[event.topic].append(event)
    batches = [
        RecordBatch(
            topic, 0, range(len(its)), [e.key for e in its], [e.value for e in its], len(its)
        )
        for topic, its in by_topic.items()
    ]
    decoded = ColumnDecoder(_REGISTRY).decode(batches)
    assert decoded.undecodable == [], f"seed {seed}"
    written = Counter({topic: len(its) for topic, its in by_topic.items()})
    assert sum(frame.height for frame in decoded.frames.values()) == written.total()
