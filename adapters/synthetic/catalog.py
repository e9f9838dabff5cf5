"""A synthetic catalog as a stream of bounded batches: rows that are added, then rows that change.

After each chunk of new releases come the updates that its share allows, of what exists by then,
mostly of what is new: so a key's history grows as a living catalog's does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

from adapters.synthetic import music, numbers, offers, people, shape
from adapters.synthetic.draw import below, draw, newest_of

CHUNK = 250 * shape.BLOCK
"""Tracks a chunk: some 160,000 rows of all tables."""
_PIECE = 50_000
"""Rows of a single table that are made at once where only one is asked for."""


@dataclass(frozen=True)
class Source:
    """One kind of rows of a table: `copies` rows for each unit."""

    table: str
    subject: str
    unit: str
    rows: Callable[[int, pl.DataFrame], pl.DataFrame]
    """(seed, frame of n, copy, revision) → the table's state columns with `id`; numbers that make
    no row are left out."""
    copies: int = 1
    weight: float = 0.0
    """Share of the updates that fall on this kind."""
    revised: tuple[str, ...] = ()
    """Columns that a revision may change."""

    def frame(
        self, seed: int, numbers: pl.Series, revisions: pl.Series | None = None
    ) -> pl.DataFrame:
        """Rows by number: unit × copies + copy; at revision 0 where none are given."""
        asked = pl.DataFrame({"at": numbers}).select(
            n=pl.col("at") // self.copies,
            copy=pl.col("at") % self.copies,
            revision=pl.lit(0, pl.UInt64) if revisions is None else revisions,
        )
        return self.rows(seed, asked)


SOURCES = (
    Source("party", "party", "licensor", people.licensor_parties),
    Source("party", "party", "label", people.label_parties),
    Source("party", "party", "artist", people.artist_parties),
    Source("licensor", "licensor", "licensor", people.licensors),
    Source("label", "label", "label", people.labels),
    Source("artist", "artist", "artist", people.artists),
    Source(
        "release",
        "release",
        "release",
        music.releases,
        weight=0.1,
        revised=("image_url", "tags"),
    ),
    Source("recording", "recording", "track", music.recordings),
    Source("track", "track", "track", music.tracks, weight=0.5, revised=("popularity",)),
    Source("format", "format", "release", offers.release_formats, copies=3),
    Source("format", "format", "track", offers.track_formats, copies=2),
    Source("deal", "download", "track", offers.track_offers, weight=0.3, revised=("prices",)),
    Source(
        "deal",
        "download",
        "release",
        offers.release_downloads,
        copies=2,
        weight=0.1,
        revised=("prices",),
    ),
    Source("deal", "streaming", "release", offers.release_rights, copies=2),
    Source("identifier", "identifier", "track", numbers.isrcs),
    Source("identifier", "identifier", "release", numbers.barcodes),
    Source("identifier", "identifier", "release", numbers.catalogue_numbers),
)
"""All kinds of rows, owners before what refers to them."""


@dataclass(frozen=True)
class Batch:
    """Rows of one kind: all new, or all at a later revision (an id may come twice, in order)."""

    source: Source
    rows: pl.DataFrame
    is_update: bool


@dataclass(frozen=True)
class SyntheticCatalog:
    """What to make: `tracks` tracks, and `updates` updates for each row that is added."""

    tracks: int
    seed: int
    updates: float = 0.0


def chunks(plan: SyntheticCatalog) -> Iterator[list[Batch]]:
    """Batches of the whole catalog, a bounded list for each chunk of tracks."""
    first, owed, revision = 0, 0.0, 0
    while first < plan.tracks:
        end = min(first + CHUNK, plan.tracks)
        batches = []
        for source in SOURCES:
            begin, stop = (shape.Counts(t).of(source.unit) * source.copies for t in (first, end))
            added = source.frame(plan.seed, _range(begin, stop))
            if added.height:
                batches.append(Batch(source, added, is_update=False))
        owed += plan.updates * sum(batch.rows.height for batch in batches)
        count = int(owed)
        owed -= count
        batches += _updates(plan.seed, end, revision, count)
        revision += count
        yield batches
        first = end


def _updates(seed: int, tracks: int, revision: int, count: int) -> Iterator[Batch]:
    """Make updates `revision` to `revision + count` of a catalog that has `tracks` tracks."""
    begin = revision
    for source in SOURCES:
        if source.weight == 0.0:
            continue
        share = round(source.weight * count)
        numbers = _range(begin + 1, begin + 1 + share)
        begin += share
        existing = shape.Counts(tracks).of(source.unit) * source.copies
        drawn = newest_of(draw(seed, "update", pl.col("revision")), existing)
        chosen = pl.DataFrame({"revision": numbers}).with_columns(n=drawn)
        rows = source.frame(seed, chosen["n"], chosen["revision"])
        if rows.height:
            yield Batch(source, rows, is_update=True)


@dataclass(frozen=True)
class SyntheticTopic:
    """What to make of one subject alone: `keys` added rows, then updates, `events` in all."""

    subject: str
    events: int
    keys: int
    seed: int

    @property
    def source(self) -> Source:
        """The kind of rows; raises LookupError for a subject that has several or no updates."""
        found = [source for source in SOURCES if source.subject == self.subject]
        if len(found) != 1 or not found[0].weight:
            raise LookupError(self.subject)
        return found[0]


def topic_batches(plan: SyntheticTopic) -> Iterator[Batch]:
    """Added rows in their order, then updates of keys drawn evenly."""
    for begin in range(0, plan.keys, _PIECE):
        numbers = _range(begin, min(begin + _PIECE, plan.keys))
        yield Batch(plan.source, plan.source.frame(plan.seed, numbers), is_update=False)
    for begin in range(plan.keys, plan.events, _PIECE):
        chosen = _chosen(plan, _range(begin, min(begin + _PIECE, plan.events)))
        rows = plan.source.frame(plan.seed, chosen["n"], chosen["revision"])
        yield Batch(plan.source, rows, is_update=True)


def last_revisions(plan: SyntheticTopic) -> pl.DataFrame:
    """Each key's number `n` and the `revision` of its last event (0: it was only added)."""
    updates = _chosen(plan, _range(plan.keys, plan.events))
    last = updates.group_by("n").agg(pl.col("revision").max())
    keys = pl.DataFrame({"n": _range(0, plan.keys)})
    return keys.join(last, on="n", how="left").sort("n").fill_null(0)


def final_rows(plan: SyntheticTopic) -> pl.DataFrame:
    """The rows as the last event of each key leaves them, by key number."""
    last = last_revisions(plan)
    return plan.source.frame(plan.seed, last["n"], last["revision"])


def _chosen(plan: SyntheticTopic, events: pl.Series) -> pl.DataFrame:
    """Which key each of the update events is of; its revision is the event's number."""
    frame = pl.DataFrame({"revision": events})
    return frame.with_columns(
        n=below(draw(plan.seed, "topic update", pl.col("revision")), plan.keys)
    )


def _range(begin: int, end: int) -> pl.Series:
    return pl.int_range(begin, end, dtype=pl.UInt64, eager=True)
