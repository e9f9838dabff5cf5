"""Changes of `format` rows into events."""

from domain.events.format import FormatAdded, FormatChanged, FormatRemoved, FormatState
from domain.translation.row import translate_rows

TRANSLATION = translate_rows(
    "format",
    FormatState,
    added=FormatAdded,
    updated=FormatChanged,
    removed=FormatRemoved,
)
