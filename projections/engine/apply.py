"""Applies batches of records to one generation: the one path for live work and for catching up.

Preparing (decode, handlers, newest per id) touches no store and may run in another thread than
storing (rows, checkpoints and parked records in one transaction). A value that the database refuses
is found by halving the batch until one record is left; that one is parked.

Nothing waits for a parked record: an event carries the whole state of its row, so the next one of
its key that can be used supersedes what is parked before it, in the transaction that stores it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from projections.engine.batch import Projected, project_usable, superseded_left_out, used_of
from projections.engine.records import bad_record, halves, keys_of, records_in, without
from projections.ports.event_decoder import EventDecoder
from projections.ports.event_log import RecordBatch, TopicPartition
from projections.ports.generations import Generation
from projections.ports.read_store import Move, ReadStore, RowsRefused, Write
from projections.read_model import ReadModel

ParkedKeys = frozenset[tuple[str, bytes]]


@dataclass(frozen=True)
class Prepared:
    """Batches and the rows that they come to."""

    batches: list[RecordBatch]
    projected: Projected


class Applier:
    """Applies records to one generation in order. `positions` are its checkpoints as last known."""

    def __init__(
        self,
        model: ReadModel,
        decoder: EventDecoder,
        store: ReadStore,
        generation: Generation,
    ) -> None:
        self.generation = generation
        self.positions: dict[TopicPartition, int] = store.checkpoints(generation.number)
        self._parked: ParkedKeys = frozenset(store.parked_keys(generation.number))
        """What may be superseded: at least all keys of the partitions that this one passes."""
        self._discarded = store.discarded()
        self._model = model
        self._decoder = decoder
        self._store = store

    def refresh(self, partitions: Sequence[TopicPartition]) -> None:
        """Take up what another process did with these partitions: their positions and the records
        that it parked. Positions first: they never tell of more than the dead letters do."""
        positions = self._store.checkpoints(self.generation.number)
        self._parked = frozenset(self._store.parked_keys(self.generation.number))
        self.positions.update({partition: positions[partition] for partition in partitions})

    def apply(self, batches: Sequence[RecordBatch]) -> None:
        """Prepare and store. Batches must continue at `positions` (see `batch.trimmed`).

        Raises what `ReadStore.write` raises but RowsRefused, and Unavailable.
        """
        self.store(self.prepare(batches))

    def prepare(self, batches: Sequence[RecordBatch]) -> Prepared:
        """Decode and run the handlers; safe in another thread than `store`."""
        batches = without(batches, self._discarded)
        return Prepared(batches, project_usable(self._model, self._decoder, batches))

    def store(self, prepared: Prepared) -> None:
        """Store what was prepared, in one transaction if nothing is wrong with it."""
        try:
            self._write(prepared.batches, prepared.projected)
        except RowsRefused as refusal:
            self._narrow(prepared, str(refusal))

    def _narrow(self, prepared: Prepared, reason: str) -> None:
        batches = prepared.batches
        if records_in(batches) > 1:
            for half in halves(batches):
                self.apply(half)
            return
        batch = next(batch for batch in batches if len(batch))
        self._write(batches, Projected({}, [bad_record(batch, 0, reason)]))

    def _write(self, batches: Sequence[RecordBatch], projected: Projected) -> None:
        used = used_of(self._model, projected.rows, self._parked | keys_of(projected.bad))
        parked = superseded_left_out(projected.bad, used)
        superseded = {key: offset for key, offset in used.items() if key in self._parked}
        moves = moves_of(batches, self.positions)
        self._store.write(
            self.generation,
            Write(rows=projected.rows, moves=moves, parked=parked, superseded=superseded),
        )
        self.positions.update({(m.topic, m.partition): m.position for m in moves})
        self._parked = (self._parked - superseded.keys()) | keys_of(parked)


def moves_of(
    batches: Sequence[RecordBatch], positions: Mapping[TopicPartition, int]
) -> tuple[Move, ...]:
    """The steps that the checkpoints take when these batches are stored."""
    ends: dict[TopicPartition, int] = {}
    for batch in batches:
        ends[batch.topic, batch.partition] = batch.next_offset
    return tuple(
        Move(topic, partition, positions[topic, partition], end)
        for (topic, partition), end in sorted(ends.items())
    )


def lag(positions: Mapping[TopicPartition, int], until: Mapping[TopicPartition, int]) -> int:
    """How many offsets `positions` are short of `until`."""
    return sum(max(0, end - positions.get(partition, 0)) for partition, end in until.items())
