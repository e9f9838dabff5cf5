"""Changes of `licensor` rows into events."""

from domain.events.licensor import LicensorAdded, LicensorRemoved, LicensorState, LicensorUpdated
from domain.translation.row import translate_rows

TRANSLATION = translate_rows(
    "licensor",
    LicensorState,
    added=LicensorAdded,
    updated=LicensorUpdated,
    removed=LicensorRemoved,
)
