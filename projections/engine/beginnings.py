"""How the events of each row begin: whether the log has lost some though its offsets begin at 0.

A topic that was compacted for a while keeps the newest event of each key and loses those before:
nothing in its settings tells afterwards, and gaps between offsets are made by transactions too. But
a row's first event adds it. Where the first one that there is changes the row, there was another.
The catalog as it is now comes out right all the same; how it was before doesn't.
"""

from collections.abc import Collection, Sequence

import polars as pl

from domain.events import presupposes_its_row
from projections.ports.event_decoder import Decoded, EventDecoder
from projections.ports.event_log import RecordBatch
from projections.ports.generations import Generation
from projections.ports.spool import Spool

_AT_ONCE = 1_000_000
"""Events that are compared at once: nine bytes each."""
_ROW, _CHANGES = "row", "changes"


class Beginnings:
    """An EventDecoder for one partition that is read from its first record on; it puts aside how
    the events of each row begin."""

    def __init__(self, inner: EventDecoder, spool: Spool) -> None:
        """`spool` is empty, and the caller's to close."""
        self._inner, self._spool, self._count = inner, spool, 0

    def decode(self, batch: Sequence[RecordBatch], fields: frozenset[str] | None = None) -> Decoded:
        """See the port."""
        decoded = self._inner.decode(batch, fields)
        frames = [
            frame.select(
                pl.col("id").hash().alias(_ROW),
                "_offset",
                pl.lit(presupposes_its_row(name)).alias(_CHANGES),
            )
            for name, frame in decoded.frames.items()
            if frame.height and "id" in frame.columns
        ]
        if frames:
            events = pl.concat(frames).sort("_offset")
            self._spool.add(events.select(_ROW, _CHANGES))
            self._count += events.height
        return decoded

    def lost(self, known: Collection[str]) -> int:
        """How many rows' events begin with a change, but for the ids of which it is `known` that an
        event was not used."""
        left_out = pl.Series(_ROW, list(known), dtype=pl.String).hash()
        parts, lost = self._count // _AT_ONCE + 1, 0
        for part in range(parts):
            frames = [
                frame.filter(pl.col(_ROW) % parts == part) if parts > 1 else frame
                for frame in self._spool.read()
            ]
            if frames:
                rows = pl.concat(frames)
                first = rows[_ROW].is_first_distinct() & rows[_CHANGES]
                lost += int((first & ~rows[_ROW].is_in(left_out.implode())).sum())
        return lost


def told(generation: Generation) -> str:
    """That a generation was made of events that begin in the middle, as the end of a sentence."""
    if not generation.lacking:
        return ""
    rows = ", ".join(f"{count:,} of {topic}" for topic, count in sorted(generation.lacking.items()))
    return (
        f"; history is not whole: the first event of rows ({rows}) changes what no event has added."
        " Earlier ones are lost, as by compaction for a while: rows are right as of now, not as of"
        " instants before"
    )
