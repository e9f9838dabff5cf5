"""Changes of `recording` rows into events."""

from domain.events.recording import (
    RecordingAdded,
    RecordingRemoved,
    RecordingState,
    RecordingUpdated,
)
from domain.translation.row import translate_rows

TRANSLATION = translate_rows(
    "recording",
    RecordingState,
    added=RecordingAdded,
    updated=RecordingUpdated,
    removed=RecordingRemoved,
)
