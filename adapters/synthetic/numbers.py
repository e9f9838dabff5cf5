"""ISRCs, barcodes and catalogue numbers, most of them right, written in the ways that senders do.

Right ones are made column-wise; the few broken ones are judged by the catalog's own rules, one by
one, so that their errors read as those of real feeds.
"""

import polars as pl

from adapters.synthetic.draw import below, chance, draw, one_of
from adapters.synthetic.music import is_recording
from adapters.synthetic.people import key, label_of_release
from domain.identifiers import identify

_N = pl.col("n")
_COUNTRIES = ["US", "GB", "DE", "FR", "SE", "JP", "BR", "QZ"]
_JUNK = ["N/A", "unknown", "0", "TBC"]
REPEATED, WRONG, HYPHENATED = 0.08, 0.01, 0.1
"""Shares: ISRCs that an older recording has too, numbers that break a rule, other spellings."""


_A_YEAR = 99_999
"""ISRCs that one registrant gives out in a year."""


def isrcs(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `identifier`: the ISRC of each recording."""
    older = below(draw(seed, "isrc/older", _N), _N + 1)
    number = pl.when(chance(draw(seed, "isrc/repeated", _N), REPEATED)).then(older).otherwise(_N)
    numbered = rows.filter(is_recording(seed)).select("n", number=number)
    number = pl.col("number")
    # A prefix (country, registrant) for each hundred years, a year for each 99,999: designation 0
    # is left out, since an ISRC of zeros is a placeholder.
    value = pl.format(
        "{}SY{}{}{}",
        one_of(_COUNTRIES, draw(seed, "isrc/country", number // _A_YEAR)),
        number // (100 * _A_YEAR) % 10,
        (number // _A_YEAR % 100).cast(pl.String).str.zfill(2),
        (number % _A_YEAR + 1).cast(pl.String).str.zfill(5),
    )
    hyphened = value.str.replace("^(..)(...)(..)(.....)$", "$1-$2-$3-$4")
    return _judged(
        numbered.select(
            id=pl.format("{}/isrc", key(seed, "s", _N)),
            owner_type=pl.lit("recording"),
            owner_id=key(seed, "s", _N),
            scheme=pl.lit("isrc"),
            namespace=pl.lit(None, pl.String),
            value=value,
            spelled=pl.when(chance(draw(seed, "isrc/hyphened", _N), HYPHENATED))
            .then(hyphened)
            .otherwise(value),
            broken=value.str.slice(0, 11),
            is_broken=chance(draw(seed, "isrc/broken", _N), WRONG),
        )
    )


def barcodes(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `identifier`: the GTIN of each release, as 12, 13 or 14 digits."""
    body = 700_000_000_000 + _N * 7
    digits = [(body // 10**place % 10) * (3 if place % 2 == 0 else 1) for place in range(13)]
    check = (10 - pl.sum_horizontal(digits) % 10) % 10
    value = (body * 10 + check).cast(pl.String).str.zfill(14)
    wrong = (body * 10 + (check + 1) % 10).cast(pl.String).str.zfill(14)
    junk = one_of(_JUNK, draw(seed, "gtin/junk", _N))
    return _judged(
        rows.select(
            id=pl.format("{}/gtin", key(seed, "r", _N)),
            owner_type=pl.lit("release"),
            owner_id=key(seed, "r", _N),
            scheme=pl.lit("gtin"),
            namespace=pl.lit(None, pl.String),
            value=value,
            spelled=pl.when(chance(draw(seed, "gtin/long", _N), 0.5))
            .then(value)
            .otherwise(value.str.slice(1)),
            broken=pl.when(chance(draw(seed, "gtin/is junk", _N), 0.3)).then(junk).otherwise(wrong),
            is_broken=chance(draw(seed, "gtin/broken", _N), WRONG),
        )
    )


def catalogue_numbers(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `identifier`: each release's number at its label."""
    label = label_of_release(seed, _N)
    value = pl.format("SYN {}", _N)
    return _judged(
        rows.select(
            id=pl.format("{}/catalog-number", key(seed, "r", _N)),
            owner_type=pl.lit("release"),
            owner_id=key(seed, "r", _N),
            scheme=pl.lit("catalog-number"),
            namespace=pl.format("Synthetic Label {}", label),
            value=value,
            spelled=value,
            broken=value,
            is_broken=pl.lit(False),
        )
    )


def _judged(made: pl.DataFrame) -> pl.DataFrame:
    """Columns of the table, with the verdict on each value as the catalog would give it."""
    broken = made.select("scheme", "broken", "is_broken").with_row_index().filter("is_broken")
    verdicts = [
        (index, found.value, found.is_valid, found.validation_error)
        for index, scheme, raw, _ in broken.iter_rows()
        for found in (identify(scheme, raw),)
    ]
    judged = pl.DataFrame(
        verdicts,
        schema={"index": pl.UInt32, "judged": pl.String, "verdict": pl.Boolean, "flaw": pl.String},
        orient="row",
    )
    return (
        made.with_row_index()
        .join(judged, on="index", how="left", maintain_order="left")
        .select(
            "id",
            "owner_type",
            "owner_id",
            "scheme",
            "namespace",
            value_raw=pl.when("is_broken").then("broken").otherwise("spelled"),
            value=pl.when("is_broken").then("judged").otherwise("value"),
            is_valid=pl.col("verdict").fill_null(True),
            flaw=pl.col("flaw"),
        )
    )
