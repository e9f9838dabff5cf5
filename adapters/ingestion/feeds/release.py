"""A release feed's rows as rows of the master catalog."""

from collections.abc import Sequence

import polars as pl

from adapters.ingestion.feeds import rows
from adapters.ingestion.feeds.columns import Columns, Terms
from adapters.ingestion.master.writer import DesiredState


def desired_state(text: pl.DataFrame, removed: Sequence[str], terms: Terms) -> DesiredState:
    """What a chunk says: releases in `text` (ids unique), and ids that are removed."""
    columns = Columns(text, "release", terms.prefix)
    ids = columns.name("id")
    released = columns.instant("releasedate")
    label_id = columns.name("labelid")
    licensor_id = columns.name("licensorid")
    release = pl.DataFrame(
        {
            "id": ids,
            "licensor_id": licensor_id,
            "label_id": label_id,
            "artist_id": columns.name("artistid"),
            "release_type": text["type"],
            "title": text["title"],
            "version_title": text["version"],
            "display_artist": text["artistappearsas"],
            "release_year": columns.whole_number("year"),
            "original_release_date": released.dt.date(),
            "added_at": columns.instant("dateadded"),
            "parental_warning": columns.warning("explicitcontent"),
            "duration_ms": columns.whole_number("duration", times=1000),
            "track_count": columns.whole_number("trackcount"),
            "tags": columns.parts("tags"),
            "image_url": text["image"],
            "url": text["url"],
        }
    ).with_columns(pl.lit("active").alias("status"))
    labels = pl.DataFrame({"id": label_id, "licensor_id": licensor_id, "name": text["labelname"]})
    licensors, parties = rows.licensors(columns)
    deals = rows.offers(columns, ids, None, released, terms)
    return DesiredState(
        rows={
            "release": release,
            "format": rows.formats(columns, ids, None, terms),
            "deal": deals,
            "identifier": columns.identifiers("barcode", "gtin", "release"),
            "flaw": columns.all_errors(),
        },
        owners={"release": [*ids, *(terms.prefix + i for i in removed)]},
        mentioned={
            "party": parties,
            "licensor": licensors,
            "label": labels.drop_nulls("id").unique("id", keep="first", maintain_order=True),
            "artist": rows.artists(columns),
        },
    )
