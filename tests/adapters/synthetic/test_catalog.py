"""A synthetic catalog: repeatable, whole, in natural proportions, right by the catalog's rules."""

from collections import Counter
from dataclasses import fields

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from adapters.ingestion.master.tables import METADATA
from adapters.synthetic.catalog import (
    SOURCES,
    Batch,
    Source,
    SyntheticCatalog,
    SyntheticTopic,
    chunks,
    final_rows,
    topic_batches,
)
from domain.events import EVENT_TYPES
from domain.identifiers import identify

TRACKS = 2_000
SEED = 7


@pytest.fixture(scope="module")
def batches() -> list[Batch]:
    return [
        batch for chunk in chunks(SyntheticCatalog(TRACKS, SEED, updates=0.3)) for batch in chunk
    ]


def added(batches: list[Batch], table: str) -> pl.DataFrame:
    return pl.concat(
        [batch.rows for batch in batches if batch.source.table == table and not batch.is_update]
    )


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.rows.__name__)
def test_rows_have_the_columns_of_their_event_and_of_their_table(source: Source) -> None:
    rows = source.frame(SEED, pl.Series([0, 5], dtype=pl.UInt64))
    event_type = next(event for event in EVENT_TYPES if source.subject == event.SUBJECT)
    of_event = {field.name for field in fields(event_type)} - {"event_id", "origin", "changed"}
    of_table = {column.name for column in METADATA.tables[source.table].columns}
    assert set(rows.columns) == of_event == of_table - {"message_id", "updated_at"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.rows.__name__)
def test_a_row_is_the_same_in_whatever_chunk_it_is_made(source: Source) -> None:
    numbers = pl.Series(range(40, 70), dtype=pl.UInt64)  # a compilation's tracks among them
    apart = [source.frame(SEED, numbers[cut : cut + 7]) for cut in range(0, 30, 7)]
    assert_frame_equal(source.frame(SEED, numbers), pl.concat(apart))


def test_a_seed_repeats_and_another_differs(batches: list[Batch]) -> None:
    again = [
        batch for chunk in chunks(SyntheticCatalog(TRACKS, SEED, updates=0.3)) for batch in chunk
    ]
    for one, other in zip(batches, again, strict=True):
        assert_frame_equal(one.rows, other.rows)
    (other_seed,) = chunks(SyntheticCatalog(TRACKS, SEED + 1))
    assert not other_seed[0].rows.equals(batches[0].rows)


def test_ids_are_labelled_and_unique(batches: list[Batch]) -> None:
    for table in {source.table for source in SOURCES}:
        ids = added(batches, table)["id"]
        assert ids.str.starts_with(f"syn:{SEED}:").all()
        assert ids.is_unique().all(), table


@pytest.mark.parametrize(
    ("table", "column", "owner"),
    [
        ("track", "release_id", "release"),
        ("track", "recording_id", "recording"),
        ("track", "artist_id", "artist"),
        ("release", "artist_id", "artist"),
        ("release", "label_id", "label"),
        ("recording", "licensor_id", "licensor"),
        ("format", "release_id", "release"),
        ("deal", "release_id", "release"),
        ("label", "party_id", "party"),
        ("artist", "party_id", "party"),
    ],
)
def test_whatever_is_referred_to_exists(
    batches: list[Batch], table: str, column: str, owner: str
) -> None:
    known = set(added(batches, owner)["id"])
    assert set(added(batches, table)[column].drop_nulls()) <= known


def test_numbers_are_as_the_catalog_itself_would_judge_them(batches: list[Batch]) -> None:
    rows = added(batches, "identifier")
    for scheme, raw, value, is_valid, flaw in rows.select(
        "scheme", "value_raw", "value", "is_valid", "flaw"
    ).iter_rows():
        found = identify(scheme, raw)
        assert (value, is_valid, flaw) == (found.value, found.is_valid, found.validation_error), raw


def test_proportions_are_natural(batches: list[Batch]) -> None:
    counts = Counter[str]()
    for batch in batches:
        counts[batch.source.subject] += 0 if batch.is_update else batch.rows.height
    assert counts["track"] == TRACKS
    assert 11 < TRACKS / counts["release"] < 13
    assert counts["format"] > 2 * TRACKS
    assert counts["download"] > TRACKS
    isrcs = added(batches, "identifier").filter(pl.col("scheme") == "isrc")
    repeated = 1 - isrcs["value"].n_unique() / isrcs.height
    assert 0.03 < repeated < 0.15
    wrong = 1 - added(batches, "identifier")["is_valid"].mean()  # type: ignore[operator]
    assert 0.002 < wrong < 0.02


def test_updates_are_as_many_as_asked_and_mostly_of_new_rows(batches: list[Batch]) -> None:
    new = sum(batch.rows.height for batch in batches if not batch.is_update)
    changed = sum(batch.rows.height for batch in batches if batch.is_update)
    assert changed == pytest.approx(0.3 * new, rel=0.02)
    (tracks,) = (b.rows for b in batches if b.is_update and b.source.table == "track")
    numbers = tracks["id"].str.extract(r"t(\d+)$").cast(pl.Int64)
    assert (numbers >= TRACKS * 7 // 8).mean() == pytest.approx(0.5, abs=0.06)


def test_the_newest_revision_of_a_topic_is_what_its_last_events_say() -> None:
    plan = SyntheticTopic("track", events=1_000, keys=300, seed=SEED)
    made = list(topic_batches(plan))
    assert sum(batch.rows.height for batch in made) == plan.events
    last = pl.concat([batch.rows for batch in made]).unique("id", keep="last")
    assert_frame_equal(last.sort("id"), final_rows(plan).sort("id"))


def test_a_subject_that_cannot_stand_alone_is_refused() -> None:
    with pytest.raises(LookupError):
        SyntheticTopic("format", events=10, keys=5, seed=SEED).source  # noqa: B018
