"""Changes of `party` rows into events."""

from domain.events.party import PartyAdded, PartyRemoved, PartyState, PartyUpdated
from domain.translation.row import translate_rows

TRANSLATION = translate_rows(
    "party",
    PartyState,
    added=PartyAdded,
    updated=PartyUpdated,
    removed=PartyRemoved,
)
