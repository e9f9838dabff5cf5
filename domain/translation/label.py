"""Changes of `label` rows into events."""

from domain.events.label import LabelAdded, LabelRemoved, LabelState, LabelUpdated
from domain.translation.row import translate_rows

TRANSLATION = translate_rows(
    "label",
    LabelState,
    added=LabelAdded,
    updated=LabelUpdated,
    removed=LabelRemoved,
)
