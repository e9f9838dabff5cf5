"""Changes of `identifier` rows into events."""

from domain.events.identifier import (
    IdentifierAssigned,
    IdentifierChanged,
    IdentifierRevoked,
    IdentifierState,
)
from domain.translation.row import translate_rows

TRANSLATION = translate_rows(
    "identifier",
    IdentifierState,
    added=IdentifierAssigned,
    updated=IdentifierChanged,
    removed=IdentifierRevoked,
)
