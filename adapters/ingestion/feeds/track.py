"""A track feed's rows as rows of the master catalog.

Each feed track makes a recording and a track of the same id: the ISRC stands on the recording
(ISO 3901), the place on the release is the track's.
"""

from collections.abc import Sequence

import polars as pl

from adapters.ingestion.feeds import rows
from adapters.ingestion.feeds.columns import Columns, Terms
from adapters.ingestion.master.writer import DesiredState


def desired_state(text: pl.DataFrame, removed: Sequence[str], terms: Terms) -> DesiredState:
    """What a chunk says: tracks in `text` (ids unique), and ids that are removed."""
    columns = Columns(text, "track", terms.prefix)
    ids = columns.name("id")
    release_id = columns.name("releaseid")
    shared = pl.DataFrame(
        {
            "id": ids,
            "artist_id": columns.name("artistid"),
            "title": text["title"],
            "version_title": text["version"],
            "display_artist": text["artistappearsas"],
            "duration_ms": columns.whole_number("duration", times=1000),
            "parental_warning": columns.warning("explicitcontent"),
        }
    )
    kind = (
        text["type"]
        .str.to_lowercase()
        .replace_strict({"audio": "sound", "video": "video"}, default=None, return_dtype=pl.String)
    )
    recording = shared.with_columns(columns.name("licensorid").alias("licensor_id"), kind=kind)
    track = shared.with_columns(
        release_id=release_id,
        recording_id=ids,
        disc_number=columns.whole_number("discnumber"),
        track_number=columns.whole_number("tracknumber"),
        kind=text["type"],
        popularity=columns.fraction("popularity"),
        url=text["url"],
    )
    streamed = columns.instant("streamingreleasedate")
    licensors, parties = rows.licensors(columns)
    deals = pl.concat(
        [
            rows.offers(columns, release_id, ids, None, terms),
            rows.streaming_rights(columns, release_id, ids, streamed, terms),
        ],
        how="diagonal",
    )
    gone = [terms.prefix + i for i in removed]
    return DesiredState(
        rows={
            "recording": recording,
            "track": track,
            "format": rows.formats(columns, release_id, ids, terms),
            "deal": deals,
            "identifier": columns.identifiers("isrc", "isrc", "recording"),
            "flaw": columns.all_errors(),
        },
        owners={"track": [*ids, *gone], "recording": [*ids, *gone]},
        mentioned={"party": parties, "licensor": licensors, "artist": rows.artists(columns)},
    )
