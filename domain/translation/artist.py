"""Changes of `artist` rows into events."""

from domain.events.artist import ArtistAdded, ArtistRemoved, ArtistState, ArtistUpdated
from domain.translation.row import translate_rows

TRANSLATION = translate_rows(
    "artist",
    ArtistState,
    added=ArtistAdded,
    updated=ArtistUpdated,
    removed=ArtistRemoved,
)
