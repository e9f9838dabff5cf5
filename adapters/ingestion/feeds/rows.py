"""Rows that both feeds bring beside their own: formats, deals, and who is named in passing.

Ids tell whose they are: `track/285/17` is the format 17 of track 285. So the same offer keeps its
row when its price changes.
"""

import polars as pl

from adapters.ingestion.feeds.columns import Columns, Terms, price_json


def formats(
    columns: Columns, release_id: pl.Series, track_id: pl.Series | None, terms: Terms
) -> pl.DataFrame:
    """A row for each format code of each owner."""
    return (
        pl.DataFrame(
            {
                "owner": columns.name("id"),
                "release_id": release_id,
                "track_id": _or_none(track_id, len(release_id)),
                "code": columns.parts("formats"),
            }
        )
        .explode("code")
        .drop_nulls("code")
        .select(
            pl.format(f"{columns.owner_type}/{{}}/{{}}", "owner", "code").alias("id"),
            "release_id",
            "track_id",
            "code",
            pl.lit(terms.source).alias("namespace"),
        )
    )


def offers(
    columns: Columns,
    release_id: pl.Series,
    track_id: pl.Series | None,
    valid_from: pl.Series | None,
    terms: Terms,
) -> pl.DataFrame:
    """A download offer for each owner that has a price."""
    prices = price_json(columns.amount("price"), columns.amount("rrp"), terms)
    deals = _deals(columns, release_id, track_id, valid_from, terms)
    return (
        deals.with_columns(
            pl.format(
                f"{columns.owner_type}/{{}}/PayAsYouGoModel/PermanentDownload/1", "owner"
            ).alias("id"),
            pl.lit("PayAsYouGoModel").alias("commercial_model"),
            pl.lit("PermanentDownload").alias("use_type"),
            prices.alias("prices"),
        )
        .filter(pl.col("prices").is_not_null())
        .drop("owner")
    )


def streaming_rights(
    columns: Columns,
    release_id: pl.Series,
    track_id: pl.Series,
    valid_from: pl.Series,
    terms: Terms,
) -> pl.DataFrame:
    """A streaming right for each owner that has a date from which it may be streamed."""
    deals = _deals(columns, release_id, track_id, valid_from, terms)
    return (
        deals.with_columns(
            pl.format(f"{columns.owner_type}/{{}}/SubscriptionModel/Stream/1", "owner").alias("id"),
            pl.lit("SubscriptionModel").alias("commercial_model"),
            pl.lit("Stream").alias("use_type"),
            pl.lit(None, pl.String).alias("prices"),
        )
        .filter(pl.col("valid_from").is_not_null())
        .drop("owner")
    )


def artists(columns: Columns) -> pl.DataFrame:
    """Artists by the name under which they appear first."""
    named = pl.DataFrame(
        {"id": columns.name("artistid"), "display_name": columns.text["artistappearsas"]}
    )
    return _first(named)


def licensors(columns: Columns) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Licensors, and the parties that they are (of which a feed tells no name)."""
    ids = _first(pl.DataFrame({"id": columns.name("licensorid")}))
    party = pl.format("licensor:{}", pl.col("id").str.strip_prefix(columns.prefix))
    parties = ids.select(pl.lit(columns.prefix) + party).to_series()
    return ids.with_columns(parties.alias("party_id")), pl.DataFrame({"id": parties})


def _deals(
    columns: Columns,
    release_id: pl.Series,
    track_id: pl.Series | None,
    valid_from: pl.Series | None,
    terms: Terms,
) -> pl.DataFrame:
    size = len(release_id)
    if valid_from is None:
        valid_from = pl.Series([None] * size, dtype=pl.Datetime("us", "UTC"))
    return pl.DataFrame(
        {
            "owner": columns.name("id"),
            "release_id": release_id,
            "track_id": _or_none(track_id, size),
            "valid_from": valid_from,
        }
    ).with_columns(
        pl.lit(list(terms.territories), pl.List(pl.String)).alias("territories"),
        pl.lit(False).alias("is_preorder"),
        pl.lit(False).alias("is_takedown"),
    )


def _or_none(series: pl.Series | None, size: int) -> pl.Series:
    return pl.Series([None] * size, dtype=pl.String) if series is None else series


def _first(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.drop_nulls("id").unique("id", keep="first", maintain_order=True)
