"""Fills a new generation: of each partition the newest row of every id, each copied once.

All events of an id are in one partition, so a partition is the unit of work: it is read to the
target, its rows lie on a disk meanwhile, and only those that no later event of their id has
overtaken go to the database, in one transaction with the checkpoint. So a killed rebuild loses the
partitions it was at, and several processes share them out.

Memory does not grow with the log: rows are on the disk, and ids are looked at a part at a time.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from types import MappingProxyType

import polars as pl

from projections.compaction import compact
from projections.engine.batch import project_usable, superseded_left_out, used_of
from projections.engine.beginnings import Beginnings
from projections.engine.context import EngineContext
from projections.engine.poison import Poison, superseded_at
from projections.engine.prefetch import prefetch
from projections.engine.progress import Meter, Report
from projections.engine.records import keys_at, keys_of, read, without
from projections.ports.event_decoder import BadRecord
from projections.ports.event_log import TopicPartition
from projections.ports.generations import Claims, Generation, Phase, Purpose
from projections.ports.read_store import Filling, GenerationMoved, Move, RowsRefused
from projections.ports.spool import Spool
from projections.read_model import REMOVED, Projection

AT_ONCE = 200_000
"""Rows whose ids are compared at once: some 100 bytes of memory each. For each such part all ids of
the partition are read once more."""
PATIENCE = 60.0
"""Seconds for which a helper waits for somebody to help."""


@dataclass(frozen=True)
class _Partition:
    """What was read of one partition."""

    move: Move
    projection: Projection
    spool: Spool
    ids: Spool
    """`id` and `_removed` of the same rows: apart, so that no whole rows lie in memory for them."""
    rows: int
    parked: Sequence[BadRecord]
    lacking: int
    """Rows whose first event changes what none has added."""

    def close(self) -> None:
        """Give the room on the disk back."""
        self.spool.close()
        self.ids.close()


@dataclass(frozen=True)
class _Judging:
    """What becomes of records that can't be used, or that were discarded."""

    park: bool
    discarded: Mapping[TopicPartition, frozenset[int]]


def fill(
    context: EngineContext,
    generation: Generation,
    *,
    park: bool,
    report: Report,
    wait: Callable[[float], None] | None = sleep,
) -> int:
    """Fill all partitions up to the generation's target, together with whoever does so too.

    Returns the number of offsets that it filled itself, when all are filled; with `wait` None, when
    none is left that nobody is at. Raises Poison (unless `park`), Unavailable (GenerationMoved
    among it).
    """
    filled = 0
    with context.generations.claims(generation) as claims:
        missing, total = sum(_missing(claims, generation).values()), sum(generation.target.values())
        if not missing:
            return filled
        noted = report if wait is None else context.noted(generation, report)
        meter = Meter(generation.phase.value, total, noted, done=total - missing)
        moves = _claimed(claims, generation, wait)
        judging = _Judging(park, context.store.discarded())
        reading = _read_all(context, moves, judging, meter.count)
        with (
            _indexing(context, generation, claims, is_helper=wait is None) as look,
            closing(
                prefetch(reading, meanwhile=meter.tick, discard=_Partition.close)
            ) as partitions,
        ):
            for partition in partitions:
                _store(context, generation, partition, judging)
                filled += partition.move.position - partition.move.expected
                claims.give_back((partition.move.topic, partition.move.partition))
                meter.tick()
                look()
        meter.end()
    return filled


def join(
    context: EngineContext,
    *,
    park: bool,
    report: Report,
    patience: float = PATIENCE,
    wait: Callable[[float], None] = sleep,
) -> int | None:
    """Help whoever rebuilds, here or on another machine, to fill the generation to be switched in.

    Returns the number of offsets filled; None where nobody began within `patience` seconds. Raises
    what `fill` raises but GenerationMoved.
    """
    deadline = monotonic() + patience
    while True:
        for generation in context.generations.all():
            if (generation.phase, generation.purpose) == (Phase.FILLING, Purpose.SERVE):
                try:
                    return fill(context, generation, park=park, report=report, wait=None)
                except GenerationMoved:  # all was filled a moment ago
                    return 0
        if monotonic() > deadline:
            return None
        wait(0.2)


@contextmanager
def _indexing(
    context: EngineContext, generation: Generation, claims: Claims, *, is_helper: bool
) -> Iterator[Callable[[], None]]:
    """A function that looks which tables are full, by whomever: their indexes are made while others
    are filled, for that leaves processors idle. The last are left to the end, which makes several
    at a time. One process does so, for it must not go on when all is filled."""
    if is_helper:
        yield lambda: None
        return
    unseen = {projection.topic: projection.sql.name for projection in context.model.projections}
    with context.generations.indexing(generation) as take_up:

        def look() -> None:
            unfilled = {topic for topic, _ in _missing(claims, generation)}
            if unfilled:
                for topic in unseen.keys() - unfilled:
                    take_up(unseen.pop(topic))

        yield look


def _missing(claims: Claims, generation: Generation) -> dict[TopicPartition, int]:
    """Partition → offsets that are left of it."""
    at = claims.checkpoints()
    left = {p: end - at.get(p, 0) for p, end in generation.target.items()}
    return {partition: count for partition, count in left.items() if count > 0}


def _claimed(
    claims: Claims, generation: Generation, wait: Callable[[float], None] | None
) -> Generator[Move, None, None]:
    """Claim one partition after another, a topic's together, largest topic first; wait for those
    that others are at."""
    sizes = Counter[str]()
    for (topic, _), end in generation.target.items():
        sizes[topic] += end
    mine: set[TopicPartition] = set()
    while left := _missing(claims, generation).keys() - mine:
        for partition in sorted(left, key=lambda one: (-sizes[one[0]], *one)):
            if not claims.take(partition):
                continue
            missing = _missing(claims, generation).get(partition)
            if missing is None:  # filled a moment ago
                claims.give_back(partition)
                continue
            mine.add(partition)
            end = generation.target[partition]
            yield Move(*partition, end - missing, end)
        if not _missing(claims, generation).keys() <= mine:
            if wait is None:
                return
            wait(0.2)


def _read_all(
    context: EngineContext,
    moves: Generator[Move, None, None],
    judging: _Judging,
    observe: Callable[[int], None],
) -> Generator[_Partition, None, None]:
    with closing(moves):
        for move in moves:
            yield _read(context, move, judging, {}, observe)


def _read(
    context: EngineContext,
    move: Move,
    judging: _Judging,
    refused: Mapping[int, str],
    observe: Callable[[int], None] = lambda _: None,
) -> _Partition:
    """Read one partition to the end of its move. Raises Poison."""
    at = (move.topic, move.partition)
    projection = next(p for p in context.model.projections if p.topic == move.topic)
    spool, ids, rows, position = context.spool(), context.spool(), 0, move.expected
    firsts = context.spool()
    beginnings = Beginnings(context.decoder, firsts)
    parked: list[BadRecord] = []
    unused = set[bytes | None]()
    try:
        with closing(read(context.events, {at: position}, {at: move.position})) as batches:
            for batch in batches:
                usable = without(batch, judging.discarded)
                unused |= keys_at(batch, judging.discarded)
                projected = project_usable(context.model, beginnings, usable, refused)
                unused |= {bad.key for bad in projected.bad}
                if parked or projected.bad:
                    parked += projected.bad
                    used = used_of(context.model, projected.rows, keys_of(parked))
                    parked = superseded_left_out(parked, used)
                for frame in projected.rows.values():
                    spool.add(frame)
                    ids.add(frame.select("id", REMOVED))
                    rows += frame.height
                observe(batch[-1].next_offset - position)
                position = batch[-1].next_offset
        if parked and not judging.park:
            ports = (context.model, context.events, context.decoder)
            beyond = superseded_at(*ports, parked, move.position)
            if lasting := superseded_left_out(parked, beyond):
                raise Poison(lasting[0])
        observe(move.position - position)  # only transaction markers were left
        known = {key.decode(errors="replace") for key in unused if key is not None}
        lacking = beginnings.lost(known) if move.expected == 0 else 0
    except BaseException:
        spool.close()
        ids.close()
        raise
    finally:
        firsts.close()
    return _Partition(move, projection, spool, ids, rows, parked, lacking)


def _store(
    context: EngineContext,
    generation: Generation,
    partition: _Partition,
    judging: _Judging,
    refused: Mapping[int, str] = MappingProxyType({}),
) -> None:
    """Store a partition; read it again where the database refuses a row, which makes its record
    a bad one."""
    table = partition.projection.sql.name
    with closing(partition):
        kept = _newest(partition)
        rows = _rows(partition, kept)
        try:
            filling = Filling(partition.move, table, rows, partition.parked, partition.lacking)
            context.store.fill(generation, filling)
        except RowsRefused:
            more = dict(_refused(context, generation, table, _rows(partition, kept)))
            if not more:
                raise
        else:
            return
    refused = {**refused, **more}
    again = _read(context, partition.move, judging, refused)
    _store(context, generation, again, judging, refused)


def _newest(partition: _Partition) -> pl.Series:
    """Which of the spooled rows are the newest of their id, and not a removal: a mask."""
    mask = pl.repeat(False, partition.rows, dtype=pl.Boolean, eager=True)
    count = partition.rows // AT_ONCE + 1
    for number in range(count):
        ids, row = [], 0
        for frame in partition.ids.read():
            numbered = frame.with_row_index("row", row)
            row += frame.height
            if count > 1:
                numbered = compact(numbered.filter(pl.col("id").hash() % count == number))
            ids.append(numbered)
        if ids:
            those = pl.concat(ids, rechunk=False)
            last = those["id"].is_last_distinct() & ~those[REMOVED]
            mask = mask.scatter(those["row"].filter(last), True)
    return mask


def _rows(partition: _Partition, kept: pl.Series) -> Iterator[pl.DataFrame]:
    row = 0
    for frame in partition.spool.read():
        yield frame.filter(kept.slice(row, frame.height)).drop(REMOVED)
        row += frame.height


def _refused(
    context: EngineContext, generation: Generation, table: str, frames: Iterator[pl.DataFrame]
) -> Iterator[tuple[int, str]]:
    """Offsets whose rows the database refuses, with why."""
    for frame in frames:
        reason = context.store.refusal(generation, table, frame) if frame.height else None
        if reason is None:
            continue
        if frame.height == 1:
            yield frame.item(0, "event_offset"), reason
        else:
            half = frame.height // 2
            parted = iter([frame.head(half), frame.slice(half)])
            yield from _refused(context, generation, table, parted)
