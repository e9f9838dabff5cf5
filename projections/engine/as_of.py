"""The read catalog as it was: a generation of those events that were committed by an instant.

What counts is the commit in the master catalog (`origin.committed_at`), not when a record came onto
its topic: that is when its change was translated, which is later, and much later for what was
parked and retried. Within a partition commits may stand out of their time's order. So the whole log
is read, and each event is judged by itself. All rows of one commit carry the same instant: they are
all in or all out, across all topics.

What the master held before capture began is known since capture read it, and not before.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import polars as pl

from projections.engine.beginnings import told
from projections.engine.context import EngineContext
from projections.engine.progress import Report
from projections.engine.rebuild import build, check_history, failure_noted
from projections.engine.records import bad_record
from projections.ports.event_decoder import BadRecord, Decoded, EventDecoder, and_origin
from projections.ports.event_log import RecordBatch
from projections.ports.generations import Generation, Phase, Purpose, Scope

UNDATED = "the event does not say when it was committed: a catalog as of an instant can't judge it"


class UpTo:
    """An EventDecoder that leaves out what was committed after an instant.

    An event that does not say when it was committed can't be used.
    """

    def __init__(self, inner: EventDecoder, instant: datetime) -> None:
        """`instant` knows its time zone."""
        self._inner = inner
        self._instant = instant

    def decode(self, batch: Sequence[RecordBatch], fields: frozenset[str] | None = None) -> Decoded:
        """See the port."""
        decoded = self._inner.decode(batch, and_origin(fields))
        committed = pl.col("origin").struct.field("committed_at")
        places: set[tuple[int, int]] = set()
        frames = {}
        for name, frame in decoded.frames.items():
            undated = frame.filter(committed.is_null())
            places.update(zip(undated["_partition"], undated["_offset"], strict=True))
            frames[name] = frame.filter(committed <= self._instant)
        return Decoded(frames, [*decoded.undecodable, *_at(places, batch)])


def _at(places: set[tuple[int, int]], batches: Sequence[RecordBatch]) -> list[BadRecord]:
    if not places:
        return []
    return [
        bad_record(batch, index, UNDATED)
        for batch in batches
        for index, offset in enumerate(batch.offsets)
        if (batch.partition, offset) in places
    ]


def rebuild_as_of(
    context: EngineContext,
    instant: datetime,
    *,
    park_poison: bool = False,
    force: bool = False,
    report: Report,
) -> Generation:
    """Build the catalog as of an instant, of all events that are in the log now.

    Goes on with a killed build of the same instant. It is FROZEN then: to be asked, never to be
    switched in.

    Raises HistoryNotWhole (unless `force`), Poison (unless `park_poison`), RebuildRunning.
    """
    check_history(context, force=force)
    context = replace(context, decoder=UpTo(context.decoder, instant))
    scope = Scope(as_of=instant)
    with context.generations.exclusive(), failure_noted(context, Purpose.AS_OF, scope):
        generation = build(context, Purpose.AS_OF, scope, park=park_poison, report=report)
        rows = _rows(context, generation)
        note = (
            f"as of {instant.isoformat()}: {rows} rows in {len(context.model.projections)} tables"
            + told(generation)
        )
        return context.generations.advance(generation, Phase.FROZEN, note)


def _rows(context: EngineContext, generation: Generation) -> int:
    with context.generations.read(generation) as reader:
        return sum(reader.digest(p.sql.name, ["id"]).rows for p in context.model.projections)
