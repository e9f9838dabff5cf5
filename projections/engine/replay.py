"""Replays the log into a whole generation up to given positions, preparing while it stores."""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing

from projections.engine.apply import Applier, Prepared, lag
from projections.engine.prefetch import prefetch
from projections.engine.records import read
from projections.ports.event_log import EventLog, RecordBatch, TopicPartition


def replay(
    applier: Applier,
    events: EventLog,
    until: Mapping[TopicPartition, int],
    observe: Callable[[int], None] = lambda _: None,
) -> None:
    """Apply all records from the applier's positions up to exactly `until`.

    `observe` gets the number of offsets passed after each transaction. Raises what `Applier.store`
    raises.
    """
    if not lag(applier.positions, until):
        return
    with closing(prefetch(_prepared(applier, events, dict(until)))) as stream:
        for prepared in stream:
            before = lag(applier.positions, until)
            applier.store(prepared)
            observe(before - lag(applier.positions, until))


def _prepared(
    applier: Applier, events: EventLog, until: dict[TopicPartition, int]
) -> Generator[Prepared, None, None]:
    cursor = {partition: applier.positions.get(partition, 0) for partition in until}
    with closing(read(events, cursor, until)) as batches:
        for new in batches:
            cursor.update({(b.topic, b.partition): b.next_offset for b in new})
            yield applier.prepare(new)
    # Where only transaction markers were left, the log has nothing to hand over.
    ends = [
        RecordBatch(*partition, (), (), (), end)
        for partition, end in sorted(until.items())
        if cursor[partition] < end
    ]
    if ends:
        yield applier.prepare(ends)
