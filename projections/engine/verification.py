"""Compares two generations at equal positions: digests first, rows only where digests differ.

The live generation keeps moving meanwhile. It is read as of one instant; the other one is brought
to exactly the positions of that instant and then must hold exactly the same rows, because rows are
made of nothing but the events below those positions.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Literal

from projections.ports.event_log import TopicPartition
from projections.ports.generations import Digest, Generation, Generations, TableReader
from projections.read_model import Projection, ReadModel

PLACE = frozenset({"event_partition", "event_offset"})
"""Columns that say where the event stands that wrote a row."""
SHOWN = 100
"""Differences explained per table; all are counted."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not the same. `live` and `replayed` hold the columns that differ."""

    table: str
    id: str
    kind: Literal["changed", "missing", "ghost"]
    """changed: other values; missing: not in the live one; ghost: only in the live one."""
    live: Mapping[str, object]
    replayed: Mapping[str, object]
    event: str | None
    """Id of the event that last wrote the row, by the replay where it has the row."""
    position: tuple[str, int, int]
    """Topic, partition and offset of that event."""
    waiting: bool = False
    """The live generation has parked the event that the other one could use: it is expected."""


@dataclass(frozen=True)
class TableComparison:
    """One table in both generations."""

    table: str
    live: Digest
    replayed: Digest
    only_live: tuple[str, ...] = ()
    """Columns that only the live generation has; not compared."""
    only_replayed: tuple[str, ...] = ()
    different: int = 0
    """Rows that differ, but for those that only wait."""
    waiting: int = 0
    """Rows that the replay has made of events that are parked in the live generation."""
    differences: tuple[Difference, ...] = ()
    """The first `SHOWN` of them."""


@dataclass(frozen=True)
class Comparison:
    """All tables of two generations at the same positions."""

    positions: Mapping[TopicPartition, int]
    tables: tuple[TableComparison, ...]
    discarded: int = 0
    """Events below these positions that were discarded on purpose, and passed over."""
    lost: str = ""
    """What the replay's events lack (`beginnings.told`), as the end of a sentence."""

    @property
    def equal(self) -> bool:
        """Whether no row differs that has no reason to."""
        return not any(table.different for table in self.tables)

    @property
    def differences(self) -> list[Difference]:
        """The differences shown, of all tables."""
        return [difference for table in self.tables for difference in table.differences]

    @property
    def digest(self) -> str:
        """Of all that was replayed, in 16 hex digits: the same for the same rows, in any order."""
        lines = sorted(f"{t.table} {t.replayed.rows} {t.replayed.checksum}" for t in self.tables)
        return blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()

    def summary(self) -> str:
        """One line for a person."""
        end = passed_over(self.discarded) + self.lost
        rows = sum(table.live.rows for table in self.tables)
        if self.equal:
            return f"{rows} rows in {len(self.tables)} tables are equal, digest {self.digest}" + end
        parts = [f"{table.table}: {table.different}" for table in self.tables if table.different]
        return "rows differ in " + ", ".join(parts) + end


def passed_over(discarded: int) -> str:
    """How many events were discarded on purpose, as the end of a sentence."""
    return f"; passed over {discarded:,} that were discarded on purpose" if discarded else ""


@dataclass(frozen=True)
class _Parked:
    """(topic, key) → parked offsets, of the live generation and of the replay."""

    live: Mapping[tuple[str, bytes], frozenset[int]]
    replayed: Mapping[tuple[str, bytes], frozenset[int]]

    def waiting(
        self,
        topic: str,
        ids: list[str],
        rows: Callable[[list[str]], Mapping[str, Mapping[str, object]]],
    ) -> set[str]:
        """Those of unequal `ids` whose newest state in the replay comes of an event that the live
        generation has parked. A row that the replay lacks, or has of an older event, because it
        could *not* use what the live one did, is not among them: that is a loss."""
        used = {
            id: parked - self.replayed.get((topic, id.encode()), frozenset())
            for id in ids
            if (parked := self.live.get((topic, id.encode())))
        }
        held = [id for id, offsets in used.items() if offsets]
        found = rows(held) if held else {}
        return {
            id
            for id in held
            if id not in found or int(str(found[id]["event_offset"])) >= min(used[id])
        }


def compare(
    model: ReadModel,
    generations: Generations,
    live: Generation,
    other: Generation,
    bring_to: Callable[[Mapping[TopicPartition, int]], None],
    report: Callable[[str], None] = lambda _: None,
    *,
    instead: Mapping[TopicPartition, int] | None = None,
) -> Comparison:
    """Compare `other` with `live`; `bring_to` takes `other` to the positions that it gets, and
    `report` gets each table's name.

    `instead` is where to bring it where `live` is of another log: then rows are the same that say
    the same by the same event, wherever that stands.
    """
    with generations.read(live) as ours:
        positions = model.known(ours.checkpoints()) if instead is None else instead
        bring_to(positions)
        with generations.read(other) as theirs:
            reached = theirs.checkpoints()
            if any(reached.get(partition, 0) != end for partition, end in positions.items()):
                raise AssertionError(f"{other.schema} is at {reached}, not at {positions}")
            parked = _Parked(ours.parked() if instead is None else {}, theirs.parked())
            left_out = frozenset[str]() if instead is None else PLACE
            tables = []
            for projection in model.projections:
                report(projection.sql.name)
                tables.append(_tables(projection, ours, theirs, parked, left_out))
    return Comparison(positions, tuple(tables))


def _tables(
    projection: Projection,
    live: TableReader,
    replayed: TableReader,
    parked: _Parked,
    left_out: Collection[str],
) -> TableComparison:
    table = projection.sql.name
    ours, theirs = live.columns(table), replayed.columns(table)
    columns = sorted(set(ours) & set(theirs) - set(left_out))
    with ThreadPoolExecutor(2) as pool:
        one, other = (pool.submit(reader.digest, table, columns) for reader in (live, replayed))
        digests = one.result(), other.result()
    different = waiting = 0
    shown: list[Difference] = []
    if digests[0] != digests[1]:
        pairs = _unequal(live.checksums(table, columns), replayed.checksums(table, columns))
        while ids := list(islice(pairs, 1000)):
            held = parked.waiting(projection.topic, ids, lambda some: replayed.rows(table, some))
            waiting += len(held)
            different += len(ids) - len(held)
            some = ids[: SHOWN - len(shown)]
            shown += _explained(projection, columns, some, live, replayed, held)
    return TableComparison(
        table,
        *digests,
        tuple(sorted(set(ours) - set(theirs))),
        tuple(sorted(set(theirs) - set(ours))),
        different,
        waiting,
        tuple(shown),
    )


def _unequal(left: Iterator[tuple[str, int]], right: Iterator[tuple[str, int]]) -> Iterator[str]:
    """Ids whose checksums differ or that one side lacks; both sides come in order of ids."""
    ours, theirs = next(left, None), next(right, None)
    while ours is not None or theirs is not None:
        if theirs is None or (ours is not None and ours[0] < theirs[0]):
            assert ours is not None  # noqa: S101  (for the type checker)
            yield ours[0]
            ours = next(left, None)
        elif ours is None or theirs[0] < ours[0]:
            yield theirs[0]
            theirs = next(right, None)
        else:
            if ours[1] != theirs[1]:
                yield ours[0]
            ours, theirs = next(left, None), next(right, None)


def _explained(
    projection: Projection,
    columns: list[str],
    ids: list[str],
    live: TableReader,
    replayed: TableReader,
    held: set[str],
) -> Iterator[Difference]:
    table = projection.sql.name
    ours, theirs = live.rows(table, ids), replayed.rows(table, ids)
    for id in ids:
        mine, its = ours.get(id), theirs.get(id)
        writer = its or mine or {}
        names = [c for c in columns if mine is None or its is None or mine[c] != its[c]]
        position = (
            projection.topic,
            int(str(writer["event_partition"])),
            int(str(writer["event_offset"])),
        )
        yield Difference(
            table=table,
            id=id,
            kind="missing" if mine is None else "ghost" if its is None else "changed",
            live={} if mine is None else {c: mine[c] for c in names},
            replayed={} if its is None else {c: its[c] for c in names},
            event=str(writer["event_id"]),
            position=position,
            waiting=id in held,
        )
