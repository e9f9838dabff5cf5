"""Changes of `contributor` rows into events."""

from domain.events.contributor import (
    ContributorAdded,
    ContributorRemoved,
    ContributorState,
    ContributorUpdated,
)
from domain.translation.row import translate_rows

TRANSLATION = translate_rows(
    "contributor",
    ContributorState,
    added=ContributorAdded,
    updated=ContributorUpdated,
    removed=ContributorRemoved,
)
