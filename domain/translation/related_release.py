"""Changes of `related_release` rows into events."""

from domain.events.related_release import (
    RelatedReleaseAdded,
    RelatedReleaseRemoved,
    RelatedReleaseState,
    RelatedReleaseUpdated,
)
from domain.translation.row import translate_rows

TRANSLATION = translate_rows(
    "related_release",
    RelatedReleaseState,
    added=RelatedReleaseAdded,
    updated=RelatedReleaseUpdated,
    removed=RelatedReleaseRemoved,
)
