"""Replays the log into a generation up to given positions, preparing while the store writes."""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

from projections.engine.apply import Applier, Prepared, lag
from projections.engine.batch import trimmed
from projections.ports import EventLog, RecordBatch, TopicPartition

Item = TypeVar("Item")

AHEAD = 1
"""Prepared batches that may wait for the store: with the one being prepared and the one being
stored, three are in memory at most."""


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
    with closing(_ahead(_prepared(applier, events, dict(until)))) as stream:
        for prepared in stream:
            before = lag(applier.positions, until)
            applier.store(prepared)
            observe(before - lag(applier.positions, until))


def _prepared(
    applier: Applier, events: EventLog, until: dict[TopicPartition, int]
) -> Generator[Prepared, None, None]:
    cursor = {partition: applier.positions.get(partition, 0) for partition in until}
    with closing(_iterator(events.replay(dict(cursor), until))) as polled:
        for batches in polled:
            new = trimmed(batches, cursor, until)
            if new:
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


def _iterator(items: Iterable[Item]) -> Generator[Item, None, None]:
    """A generator, so that it can be closed whatever was given."""
    yield from items


def _ahead(items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """Run `items` in a thread, `AHEAD` of its reader; its error is raised here, in its turn."""
    queue: Queue[tuple[Item | None, BaseException | None]] = Queue(AHEAD)
    abandoned = Event()

    def put(entry: tuple[Item | None, BaseException | None]) -> bool:
        while not abandoned.is_set():
            try:
                queue.put(entry, timeout=0.2)
            except Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    return
            put((None, None))
        except BaseException as error:  # handed over to the reader, whatever it is
            put((None, error))
        finally:
            items.close()

    thread = Thread(target=work, name="prepare", daemon=True)
    thread.start()
    try:
        while True:
            item, error = queue.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        abandoned.set()
        while True:
            try:
                queue.get_nowait()
            except Empty:
                break
        thread.join()
