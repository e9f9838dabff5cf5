"""Formats and deals: how a track or release can be had, where, from when and for how much."""

import polars as pl

from adapters.synthetic import shape
from adapters.synthetic.draw import below, chance, draw
from adapters.synthetic.music import added_at
from adapters.synthetic.people import key

_N, _K, _R = pl.col("n"), pl.col("copy"), pl.col("revision")
_TEXT = pl.String
PRICES = pl.List(
    pl.Struct(
        {
            "amount": pl.Decimal(18, 6),
            "currency": _TEXT,
            "code": _TEXT,
            "namespace": _TEXT,
            "kind": _TEXT,
        }
    )
)
"""Prices of a deal: `domain.events.price.Price`."""
_FORMATS = pl.DataFrame(
    {
        "copy": pl.Series([0, 1, 2], dtype=pl.UInt64),
        "code": ["mp3-320", "flac-16", "flac-24"],
        "codec": ["MP3", "FLAC", "FLAC"],
        "bitrate": pl.Series([320, None, None], dtype=pl.Int64),
        "sample_rate": pl.Series([44_100, 44_100, 96_000], dtype=pl.Int64),
        "bit_depth": pl.Series([None, 16, 24], dtype=pl.Int64),
    }
)
_EUROPE = ["AT", "BE", "DE", "ES", "FR", "IE", "IT", "NL", "PT", "SE"]
_ELSEWHERE = ["AU", "BR", "CA", "JP", "MX", "NZ", "US"]


def _formats(seed: int, rows: pl.DataFrame, letter: str, release: pl.Expr) -> pl.DataFrame:
    owner = key(seed, letter, _N)
    return rows.join(_FORMATS, on="copy", how="left", maintain_order="left").select(
        id=pl.format("{}/{}", owner, pl.col("code")),
        release_id=key(seed, "r", release),
        track_id=owner if letter == "t" else pl.lit(None, _TEXT),
        code=pl.col("code"),
        namespace=pl.lit("synthetic"),
        codec=pl.col("codec"),
        bitrate=pl.col("bitrate"),
        sample_rate=pl.col("sample_rate"),
        bit_depth=pl.col("bit_depth"),
        channels=pl.lit(2, pl.Int64),
    )


def track_formats(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `format` for tracks."""
    return _formats(seed, rows, "t", shape.release_at(_N))


def release_formats(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `format` for releases."""
    return _formats(seed, rows, "r", _N)


def _price(amount: pl.Expr, coded: pl.Expr) -> pl.Expr:
    """List of one price, an amount or a code (never both)."""
    open_price = pl.when(~coded)
    return pl.concat_list(
        pl.struct(
            amount=open_price.then((amount / 100).cast(pl.Decimal(18, 6))),
            currency=open_price.then(pl.lit("EUR")),
            code=pl.when(coded).then(pl.format("T{}", amount // 10)),
            namespace=pl.when(coded).then(pl.lit("PADPIDAC000000000")),
            kind=open_price.then(pl.lit("retail")),
        )
    )


def _deal(
    seed: int,
    owner: pl.Expr,
    release: pl.Expr,
    track_id: pl.Expr,
    model: pl.Expr,
    use: pl.Expr,
    territories: pl.Expr,
    price: pl.Expr,
) -> list[pl.Expr]:
    early = chance(draw(seed, "deal/preorder", release), 0.05)
    begins = added_at(release)
    return [
        pl.format("{}/{}/{}", owner, use, _K).alias("id"),
        key(seed, "r", release).alias("release_id"),
        track_id.alias("track_id"),
        model.alias("commercial_model"),
        use.alias("use_type"),
        begins.alias("valid_from"),
        pl.when(chance(draw(seed, "deal/ends", release), 0.05))
        .then(begins + pl.duration(days=3650))
        .alias("valid_to"),
        early.alias("is_preorder"),
        pl.when(early).then(begins - pl.duration(days=30)).alias("display_from"),
        pl.when(early).then(begins - pl.duration(days=14)).alias("preview_from"),
        territories.alias("territories"),
        pl.when(territories.list.first() == "Worldwide")
        .then(pl.lit(["KP"], pl.List(_TEXT)))
        .alias("excluded_territories"),
        price.alias("prices"),
        pl.lit(False).alias("is_takedown"),
        pl.lit(None, _TEXT).alias("local_from"),
        pl.lit(None, _TEXT).alias("local_to"),
        pl.lit(None, pl.List(_TEXT)).alias("channels"),
    ]


def track_offers(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `deal`: a download offer a track. A revision moves the price."""
    amount = 69 + below(draw(seed, "track/price", _N, _R), 80)
    owner = key(seed, "t", _N)
    return rows.select(
        _deal(
            seed,
            owner,
            shape.release_at(_N),
            owner,
            pl.lit("PayAsYouGoModel"),
            pl.lit("PermanentDownload"),
            pl.lit(["Worldwide"], pl.List(_TEXT)),
            _price(amount, pl.lit(False)),
        )
    )


def release_downloads(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `deal`: two download offers a release, one a market. A revision moves prices."""
    amount = 499 + below(draw(seed, "release/price", _N * 2 + _K, _R), 1000)
    territories = (
        pl.when(_K == 0)
        .then(pl.lit(_EUROPE, pl.List(_TEXT)))
        .otherwise(pl.lit(_ELSEWHERE, pl.List(_TEXT)))
    )
    return rows.select(
        _deal(
            seed,
            key(seed, "r", _N),
            _N,
            pl.lit(None, _TEXT),
            pl.lit("PayAsYouGoModel"),
            pl.lit("PermanentDownload"),
            territories,
            _price(amount, chance(draw(seed, "release/has code", _N), 0.3)),
        )
    )


def release_rights(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `deal`: a subscription and an advertisement-supported right a release."""
    subscribed = _K == 0
    return rows.select(
        _deal(
            seed,
            key(seed, "r", _N),
            _N,
            pl.lit(None, _TEXT),
            pl.when(subscribed)
            .then(pl.lit("SubscriptionModel"))
            .otherwise(pl.lit("AdvertisementSupportedModel")),
            pl.lit("OnDemandStream"),
            pl.lit(["Worldwide"], pl.List(_TEXT)),
            pl.lit(None, PRICES),
        )
    )
