"""Releases, recordings and tracks: what they are called, and how a revision changes them."""

from datetime import UTC, datetime

import polars as pl

from adapters.synthetic import shape
from adapters.synthetic.draw import below, chance, draw, one_of
from adapters.synthetic.people import (
    artist_name,
    artist_of_release,
    key,
    label_of_release,
    licensor_of_release,
)

BEGINNING = datetime(2010, 1, 1, tzinfo=UTC)
"""When the first release was added."""
_MANNER = ["Bright", "Distant", "Electric", "Fallen", "Golden", "Hollow", "Última", "Köln", "Slow"]
_THING = [
    "Avenue",
    "Bridge",
    "City",
    "Dream",
    "Echo",
    "Fire",
    "Glass",
    "Horizon",
    "Island",
    "Ñandú",
]
_VERSION = ["Live", "Remastered", "Radio Edit", "Acoustic", "Instrumental"]
_TAGS = ["pop", "rock", "jazz", "classical", "electronic", "folk", "hip-hop", "metal", "world"]
_LANGUAGES = ["en", "es", "de", "fr", "pt", "ja"]
_WARNING = pl.lit("Explicit")

_N, _R = pl.col("n"), pl.col("revision")


def _title(seed: int, what: str, number: pl.Expr) -> pl.Expr:
    return pl.format(
        "{} {} {}",
        one_of(_MANNER, draw(seed, f"{what}/manner", number)),
        one_of(_THING, draw(seed, f"{what}/thing", number)),
        below(draw(seed, f"{what}/count", number), 10_000),
    )


def _sometimes(drawn: pl.Expr, share: float, value: pl.Expr) -> pl.Expr:
    return pl.when(chance(drawn, share)).then(value)


def added_at(release: pl.Expr) -> pl.Expr:
    """When a release was added: one every ten minutes."""
    return pl.lit(BEGINNING).dt.cast_time_unit("us") + pl.duration(minutes=release * 10)


def releases(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `release`. A revision moves tags and image."""
    artist, size = artist_of_release(seed, _N), shape.size_at(_N)
    year = (added_at(_N).dt.year() - below(draw(seed, "release/age", _N), 30)).cast(pl.Int64)
    return rows.select(
        id=key(seed, "r", _N),
        licensor_id=key(seed, "c", licensor_of_release(seed, _N)),
        label_id=key(seed, "l", label_of_release(seed, _N)),
        artist_id=key(seed, "a", artist),
        release_type=pl.when(size <= 2).then(pl.lit("Single")).otherwise(pl.lit("Album")),
        title=_title(seed, "release", _N),
        version_title=_sometimes(
            draw(seed, "release/has version", _N),
            0.1,
            one_of(_VERSION, draw(seed, "release/version", _N)),
        ),
        display_artist=pl.when(_N % shape.RELEASES == shape.COMPILATION)
        .then(pl.lit("Various Artists"))
        .otherwise(artist_name(seed, artist)),
        release_year=year,
        original_release_date=pl.date(year, 1 + below(draw(seed, "release/month", _N), 12), 1),
        added_at=added_at(_N),
        parental_warning=_sometimes(draw(seed, "release/explicit", _N), 0.08, _WARNING),
        pline=pl.format("℗ {} Synthetic Label {}", year, label_of_release(seed, _N)),
        cline=pl.format("© {} Synthetic Label {}", year, label_of_release(seed, _N)),
        duration_ms=(size * 215_000).cast(pl.Int64),
        track_count=size.cast(pl.Int64),
        tags=pl.concat_list(
            one_of(_TAGS, draw(seed, "release/genre", _N)),
            pl.format("week-{}", below(draw(seed, "release/week", _N, _R), 1000)),
        ),
        image_url=pl.format("https://images.invalid/syn/{}/{}.jpg", _N, _R),
        url=pl.format("https://catalog.invalid/release/{}", _N),
        status=pl.lit("active"),
    )


def recording_of_track(seed: int, track: pl.Expr) -> pl.Expr:
    """Number of the recording that a track places: half of a compilation's are older releases'."""
    block = track // shape.BLOCK
    older = block - below(draw(seed, "track/older block", track), pl.min_horizontal(block + 1, 999))
    place = pl.lit(pl.Series(shape.ORIGINAL_AT, dtype=pl.UInt64)).gather(
        below(draw(seed, "track/older place", track), len(shape.ORIGINAL_AT))
    )
    is_older = shape.is_compiled(track) & chance(draw(seed, "track/is older", track), 0.5)
    # a place later in the same block is a recording too, and exists as soon as the block does
    return pl.when(is_older).then(older * shape.BLOCK + place).otherwise(track)


def is_recording(seed: int) -> pl.Expr:
    """Whether a track's number is that of a recording as well."""
    return recording_of_track(seed, _N) == _N


def _artist_of_track(seed: int, track: pl.Expr) -> pl.Expr:
    release = shape.release_at(track)
    own = artist_of_release(seed, release)
    guest = below(draw(seed, "track/guest", track), release // 3 + 1)
    return pl.when(shape.is_compiled(track)).then(guest).otherwise(own)


def _is_video(seed: int, recording: pl.Expr) -> pl.Expr:
    return chance(draw(seed, "recording/is video", recording), 0.03)


def _duration_ms(seed: int, recording: pl.Expr) -> pl.Expr:
    seconds = 60 + below(draw(seed, "recording/seconds", recording), 360)
    return (seconds * 1000).cast(pl.Int64)


def recordings(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `recording`, for those tracks that have one of their own."""
    release = shape.release_at(_N)
    artist = _artist_of_track(seed, _N)
    return rows.filter(is_recording(seed)).select(
        id=key(seed, "s", _N),
        licensor_id=key(seed, "c", licensor_of_release(seed, release)),
        artist_id=key(seed, "a", artist),
        kind=pl.when(_is_video(seed, _N)).then(pl.lit("video")).otherwise(pl.lit("sound")),
        title=_title(seed, "recording", _N),
        version_title=_version(seed, _N),
        display_artist=artist_name(seed, artist),
        duration_ms=_duration_ms(seed, _N),
        parental_warning=_sometimes(draw(seed, "recording/explicit", _N), 0.08, _WARNING),
        language=_sometimes(
            draw(seed, "recording/has language", _N),
            0.7,
            one_of(_LANGUAGES, draw(seed, "recording/language", _N)),
        ),
        pline=pl.format("℗ Synthetic Label {}", label_of_release(seed, release)),
    )


def _version(seed: int, recording: pl.Expr) -> pl.Expr:
    return _sometimes(
        draw(seed, "recording/has version", recording),
        0.15,
        one_of(_VERSION, draw(seed, "recording/version", recording)),
    )


def tracks(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `track`. A revision moves the popularity."""
    rows = rows.with_columns(
        release=shape.release_at(_N),
        position=shape.position_at(_N),
        recording=recording_of_track(seed, _N),
        artist=_artist_of_track(seed, recording_of_track(seed, _N)),
    )
    recording, position = pl.col("recording"), pl.col("position")
    return rows.select(
        id=key(seed, "t", _N),
        release_id=key(seed, "r", pl.col("release")),
        recording_id=key(seed, "s", recording),
        artist_id=key(seed, "a", pl.col("artist")),
        disc_number=(1 + position // 20).cast(pl.Int64),
        track_number=(1 + position % 20).cast(pl.Int64),
        title=_title(seed, "recording", recording),
        version_title=_version(seed, recording),
        display_artist=artist_name(seed, pl.col("artist")),
        kind=pl.when(_is_video(seed, recording)).then(pl.lit("Video")).otherwise(pl.lit("Audio")),
        duration_ms=_duration_ms(seed, recording),
        parental_warning=_sometimes(draw(seed, "recording/explicit", recording), 0.08, _WARNING),
        popularity=below(draw(seed, "track/popularity", _N, _R), 10_000).cast(pl.Float64) / 10_000,
        url=pl.format(
            "https://catalog.invalid/release/{}?track={}", pl.col("release"), position + 1
        ),
    )
