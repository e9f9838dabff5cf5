"""Reading a feed's text columns: numbers, dates, identifiers; and what is wrong with them.

A value that can't be read becomes null and leaves a validation error (field, raw value, rule) with
its owner: the row itself is taken in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from domain.identifiers import identify

_IDENTIFIER = {
    "id": pl.String,
    "owner_type": pl.String,
    "owner_id": pl.String,
    "scheme": pl.String,
    "value_raw": pl.String,
    "value": pl.String,
    "is_valid": pl.Boolean,
    "flaw": pl.String,
}


@dataclass(frozen=True)
class Terms:
    """What the feeds themselves don't say of the one who sends them."""

    source: str = "7digital"
    """Whose numbers ids and format codes are."""
    territories: tuple[str, ...] = ("Worldwide",)
    currency: str | None = None
    """ISO 4217 code of all prices; None: not said."""

    @property
    def prefix(self) -> str:
        """Before ids of other sources than the default, which have the feed's numbers bare."""
        return "" if self.source == Terms.source else f"{self.source}:"


@dataclass
class Columns:
    """The text columns of a chunk, read one by one; errors are gathered on the way."""

    text: pl.DataFrame
    """Trimmed text, null where empty, columns by their names in the feed; one row an owner."""
    owner_type: str
    prefix: str
    """Before all ids."""
    errors: list[pl.DataFrame] = field(default_factory=list)

    def name(self, column: str) -> pl.Series:
        """An id, marked with its source where that is not the default."""
        return self.text.select(
            pl.when(pl.col(column).is_not_null()).then(pl.lit(self.prefix) + pl.col(column))
        ).to_series()

    def whole_number(self, column: str, times: int = 1) -> pl.Series:
        """Not negative, times so many (seconds → milliseconds), rounded, within 31 bits."""
        number = pl.col(column).cast(pl.Float64, strict=False) * times
        read = pl.when(number.is_between(0, 2**31 - 1)).then(number.round())
        return self._read(column, read.cast(pl.Int32, strict=False), "a number, 0 or greater")

    def fraction(self, column: str) -> pl.Series:
        """A finite number."""
        number = pl.col(column).cast(pl.Float64, strict=False)
        return self._read(column, pl.when(number.is_finite()).then(number), "a number")

    def amount(self, column: str) -> pl.Series:
        """A price, as its text, with at most 12 digits before the point and 6 after it."""
        amount = pl.when(pl.col(column).str.contains(r"^\d{1,12}(\.\d{1,6})?$")).then(column)
        return self._read(column, amount, "an amount such as 7.99")

    def instant(self, column: str) -> pl.Series:
        """ISO 8601 with its offset, or a day, which begins at 00:00 UTC."""
        text = (
            pl.when(pl.col(column).str.len_chars() == 10)
            .then(pl.col(column) + "T00:00:00Z")
            .otherwise(pl.col(column))
        )
        instant = text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
        plausible = instant.dt.year().is_between(1, 9999)
        return self._read(
            column, pl.when(plausible).then(instant), "a date such as 2014-01-31T00:00:00Z"
        )

    def warning(self, column: str) -> pl.Series:
        """`explicitContent` as DDEX ParentalWarningType."""
        words = {"true": "Explicit", "1": "Explicit", "false": "NotExplicit", "0": "NotExplicit"}
        read = pl.col(column).str.to_lowercase().replace_strict(words, default=None)
        return self._read(column, read.cast(pl.String), "true or false")

    def parts(self, column: str) -> pl.Series:
        """A comma-separated list, trimmed, without repetitions or empty parts, in order."""
        return self.text.select(
            pl.col(column)
            .str.split(",")
            .list.eval(pl.element().str.strip_chars())
            .list.eval(pl.element().filter(pl.element() != ""))
            .list.unique(maintain_order=True)
        ).to_series()

    def identifiers(self, column: str, scheme: str, owner_type: str) -> pl.DataFrame:
        """The identifier row of each owner; one that has none is flagged."""
        rows = []
        for owner, raw in zip(self.name("id"), self.text[column], strict=True):
            if raw is not None:
                number = identify(scheme, raw)
                rows.append(
                    (
                        f"{owner_type}/{owner}/{scheme}/1",
                        owner_type,
                        owner,
                        scheme,
                        raw,
                        number.value,
                        number.is_valid,
                        number.validation_error,
                    )
                )
        self._flag(column, self.text[column].is_null(), "is missing")
        return pl.DataFrame(rows, schema=_IDENTIFIER, orient="row")

    def all_errors(self) -> pl.DataFrame:
        """The rows of table `flaw` of everything read so far."""
        return pl.concat(self.errors)

    def _read(self, column: str, expression: pl.Expr, must_be: str) -> pl.Series:
        read = self.text.select(expression.alias(column)).to_series()
        self._flag(column, self.text[column].is_not_null() & read.is_null(), f"must be {must_be}")
        return read

    def _flag(self, column: str, where: pl.Series, rule: str) -> None:
        owner = pl.lit(self.prefix) + pl.col("id")
        self.errors.append(
            self.text.filter(where).select(
                id=pl.format(f"{self.owner_type}/{{}}/{column}", owner),
                owner_type=pl.lit(self.owner_type),
                owner_id=owner,
                field=pl.lit(column),
                value_raw=pl.col(column),
                rule=pl.lit(rule),
            )
        )


def text_frame(
    header: Sequence[str], rows: Sequence[Sequence[str]], columns: Sequence[str], id_column: str
) -> pl.DataFrame:
    """Rows as trimmed text under their feed's column names, and `id`; absent columns are null."""
    by_name = dict(zip(header, zip(*rows, strict=True), strict=True)) if rows else {}
    frame = pl.DataFrame(
        {name: by_name.get(name, [None] * len(rows)) for name in columns},
        schema=dict.fromkeys(columns, pl.String),
    ).with_columns(pl.all().str.strip_chars())
    return frame.with_columns(
        pl.when(pl.all() != "").then(pl.all()).name.keep()  # empty is unsaid
    ).with_columns(id=pl.col(id_column))


def price_json(price: pl.Series, rrp: pl.Series, terms: Terms) -> pl.Series:
    """The `prices` of a deal: what is asked, and the recommended retail price; null if neither."""
    currency = f',"currency":"{terms.currency}"' if terms.currency else ""

    def one(column: str, kind: str) -> pl.Expr:
        return pl.format(f'{{{{"amount":"{{}}"{currency},"kind":"{kind}"}}}}', pl.col(column))

    return (
        pl.DataFrame({"price": price, "rrp": rrp})
        .select(
            pl.when(pl.any_horizontal(pl.all().is_not_null())).then(
                pl.format(
                    "[{}]",
                    pl.concat_str(
                        one("price", "retail"),
                        one("rrp", "suggested_retail"),
                        separator=",",
                        ignore_nulls=True,
                    ),
                )
            )
        )
        .to_series()
    )
