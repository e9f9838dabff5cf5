"""Changes of `track` rows into events."""

from domain.events.track import TrackAdded, TrackRemoved, TrackState, TrackUpdated
from domain.translation.row import translate_rows

TRANSLATION = translate_rows(
    "track",
    TrackState,
    added=TrackAdded,
    updated=TrackUpdated,
    removed=TrackRemoved,
)
