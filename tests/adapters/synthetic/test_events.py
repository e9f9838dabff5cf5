"""Synthetic events say of themselves what translation would say."""

from dataclasses import fields

import polars as pl

from adapters.synthetic.catalog import SyntheticCatalog, chunks
from adapters.synthetic.events import Numbering, events_of


def test_events_have_all_fields_of_their_type_and_ids_of_their_own() -> None:
    numbering = Numbering()
    seen: set[str] = set()
    types = set()
    for batches in chunks(SyntheticCatalog(300, seed=1, updates=0.4)):
        for batch in batches:
            event_type, frame = events_of(batch, 1, numbering)
            types.add(event_type.__name__)
            assert set(frame.columns) == {field.name for field in fields(event_type)}
            ids = set(frame["event_id"])
            assert len(ids) == frame.height
            assert not ids & seen
            seen |= ids
    assert {"TrackAdded", "TrackUpdated", "ReleaseUpdated", "StreamingRightGranted"} <= types


def test_a_new_row_names_what_is_set_and_an_update_what_it_revised() -> None:
    (batches,) = chunks(SyntheticCatalog(300, seed=1, updates=0.4))
    numbering = Numbering()
    for batch in batches:
        _, frame = events_of(batch, 1, numbering)
        state = [name for name in batch.rows.columns if name != "id"]
        for row in frame.iter_rows(named=True):
            expected = (
                sorted(batch.source.revised)
                if batch.is_update
                else sorted(name for name in state if row[name] is not None)
            )
            assert row["changed"] == expected


def test_origins_come_in_order_and_share_transactions() -> None:
    (batches,) = chunks(SyntheticCatalog(300, seed=1))
    tracks = next(batch for batch in batches if batch.source.table == "track")
    _, frame = events_of(tracks, 1, Numbering())
    origin = frame["origin"].struct.unnest()
    assert origin["position"].is_sorted()
    assert origin["transaction"].n_unique() == 300 // 50
    assert origin.filter(pl.col("message") != "syn:1").is_empty()
