"""Licensors, labels, artists and the parties behind them: few rows that many refer to."""

from collections.abc import Callable

import polars as pl
from stdnum.iso7064 import mod_11_2, mod_37_36

from adapters.synthetic import shape
from adapters.synthetic.draw import below, chance, draw, newest_of, one_of

_GIVEN = ["Ada", "Björk", "Chiyo", "Dmitri", "Esi", "Fatou", "Grażyna", "Håkon", "Inês", "José"]
_FAMILY = ["Ångström", "Baptiste", "Çelik", "Dlamini", "Eriksen", "Fujita", "García", "Huang"]
_GROUP = ["Lanterns", "Night Ferries", "Paper Tigers", "Quiet Hours", "Tin Orchestra", "Understudy"]
_SECOND = ["Bell", "Crow", "Delta", "Ember", "Fjord", "Grove", "Harbour", "Iron", "Jade", "Kite"]


def key(seed: int, letter: str, number: pl.Expr) -> pl.Expr:
    """Id of a row: `syn:7:t12` is track 12 of seed 7."""
    return pl.format(f"syn:{seed}:{letter}{{}}", number)


def artist_of_release(seed: int, release: pl.Expr) -> pl.Expr:
    """Number of a release's artist: the newest artists release most."""
    known = release // 3 + 1
    return newest_of(draw(seed, "release/artist", release), known)


def label_of_release(seed: int, release: pl.Expr) -> pl.Expr:
    """Number of a release's label."""
    return below(draw(seed, "release/label", release), release // 40 + 1)


def licensor_of_label(label: pl.Expr) -> pl.Expr:
    """Number of a label's licensor."""
    return label % shape.LICENSORS


def licensor_of_release(seed: int, release: pl.Expr) -> pl.Expr:
    """Number of a release's licensor: its label's."""
    return licensor_of_label(label_of_release(seed, release))


def artist_name(seed: int, artist: pl.Expr) -> pl.Expr:
    """A person or a group; the number keeps most of them apart."""
    person = pl.format(
        "{} {}",
        one_of(_GIVEN, draw(seed, "artist/given", artist)),
        one_of(_FAMILY, draw(seed, "artist/family", artist)),
    )
    group = pl.format(
        "The {} {} {}",
        one_of(_SECOND, draw(seed, "artist/second", artist)),
        one_of(_GROUP, draw(seed, "artist/group", artist)),
        artist,
    )
    return pl.when(chance(draw(seed, "artist/is group", artist), 0.6)).then(group).otherwise(person)


def artists(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `artist`."""
    n = pl.col("n")
    return rows.select(
        id=key(seed, "a", n),
        party_id=key(seed, "pa", n),
        display_name=artist_name(seed, n),
        sort_name=artist_name(seed, n).str.replace("^The (.*)$", "$1, The"),
    )


def artist_parties(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `party` for artists; a third have an ISNI."""
    n = pl.col("n")
    numbered = rows.select(
        id=key(seed, "pa", n),
        name=artist_name(seed, n),
        dpid=pl.lit(None, pl.String),
        isni=pl.when(chance(draw(seed, "party/isni", n), 0.33)).then(
            pl.format("{}", below(draw(seed, "party/isni number", n), 10**15)).str.zfill(15)
        ),
    )
    return numbered.with_columns(
        _checked(numbered["isni"], mod_11_2.calc_check_digit).alias("isni")
    )


def labels(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `label`."""
    n = pl.col("n")
    return rows.select(
        id=key(seed, "l", n),
        licensor_id=key(seed, "c", licensor_of_label(n)),
        party_id=key(seed, "pl", n),
        name=pl.format("Synthetic Label {}", n),
    )


def label_parties(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `party` for labels."""
    return _companies(seed, rows, "pl", "Synthetic Label {}", "L")


def licensors(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `licensor`."""
    n = pl.col("n")
    return rows.select(id=key(seed, "c", n), party_id=key(seed, "pc", n))


def licensor_parties(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `party` for licensors."""
    return _companies(seed, rows, "pc", "Imaginary Licensor {}", "C")


def _companies(seed: int, rows: pl.DataFrame, letter: str, name: str, mark: str) -> pl.DataFrame:
    n = pl.col("n")
    named = rows.select(
        id=key(seed, letter, n),
        name=pl.format(name, n),
        dpid=pl.format(f"PADPIDA{mark}{{}}", pl.format("{}", n).str.zfill(9)),
        isni=pl.lit(None, pl.String),
    )
    return named.with_columns(_checked(named["dpid"], mod_37_36.calc_check_digit).alias("dpid"))


def _checked(bodies: pl.Series, check_digit: Callable[[str], str]) -> pl.Series:
    """Each text with its check character."""
    return pl.Series(
        [None if body is None else body + check_digit(body) for body in bodies.to_list()],
        dtype=pl.String,
    )
