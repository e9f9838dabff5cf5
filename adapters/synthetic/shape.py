"""The proportions of a synthetic catalog: which track stands on which release.

Tracks are numbered from 0. Eight releases, from a single to a compilation, repeat for ever: 96
tracks, 12 per release. So the release of a track is arithmetic, and a chunk of blocks is whole.
"""

from dataclasses import dataclass

import polars as pl

SIZES = (14, 1, 12, 2, 11, 30, 10, 16)
"""Tracks of the releases of a block."""
COMPILATION = 5
"""Place in the block of the release that gathers recordings of other releases."""
BLOCK = sum(SIZES)
RELEASES = len(SIZES)
_RELEASE_AT = [place for place, size in enumerate(SIZES) for _ in range(size)]
_POSITION_AT = [position for size in SIZES for position in range(size)]
ORIGINAL_AT = [at for at, place in enumerate(_RELEASE_AT) if place != COMPILATION]
"""Places in a block of the tracks that are no compilation's."""
LICENSORS = 12


def releases_of(tracks: int) -> int:
    """How many releases the first `tracks` tracks stand on."""
    blocks, rest = divmod(tracks, BLOCK)
    return blocks * RELEASES + (_RELEASE_AT[rest - 1] + 1 if rest else 0)


def artists_of(releases: int) -> int:
    """How many artists the first releases are by: one to three releases."""
    return -(-releases // 3)


def labels_of(releases: int) -> int:
    """How many labels released them: one to forty."""
    return -(-releases // 40)


def release_at(track: pl.Expr) -> pl.Expr:
    """Number of a track's release."""
    at = pl.lit(pl.Series(_RELEASE_AT, dtype=pl.UInt64)).gather(track % BLOCK)
    return track // BLOCK * RELEASES + at


def position_at(track: pl.Expr) -> pl.Expr:
    """Place of a track on its release, from 0."""
    return pl.lit(pl.Series(_POSITION_AT, dtype=pl.UInt64)).gather(track % BLOCK)


def is_compiled(track: pl.Expr) -> pl.Expr:
    """Whether a track stands on a compilation."""
    return release_at(track) % RELEASES == COMPILATION


def size_at(release: pl.Expr) -> pl.Expr:
    """How many tracks a release says it has; a catalog's last one may be cut short."""
    return pl.lit(pl.Series(SIZES, dtype=pl.UInt64)).gather(release % RELEASES)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each unit there are in the first `tracks` tracks of a catalog."""

    tracks: int

    def of(self, unit: str) -> int:
        """Count of `track`, `release`, `artist`, `label` or `licensor`."""
        releases = releases_of(self.tracks)
        return {
            "track": self.tracks,
            "release": releases,
            "artist": artists_of(releases),
            "label": labels_of(releases),
            "licensor": LICENSORS if self.tracks else 0,
        }[unit]
