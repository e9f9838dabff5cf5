"""A change of a master row into the events that say what happened, a module per subject.

To carry a new master table, write its module with a `TRANSLATION` and name it in `TRANSLATIONS`.
Tables without one (`ern_message`, `quarantine`) make no events and aren't subscribed.
"""

from domain.changes import Change
from domain.events import Event
from domain.translation import (
    artist,
    contributor,
    deal,
    format,
    identifier,
    label,
    licensor,
    party,
    recording,
    related_release,
    release,
    track,
)
from domain.translation.row import Translation, Untranslatable

TRANSLATIONS: tuple[Translation, ...] = (
    party.TRANSLATION,
    artist.TRANSLATION,
    licensor.TRANSLATION,
    label.TRANSLATION,
    release.TRANSLATION,
    recording.TRANSLATION,
    track.TRANSLATION,
    format.TRANSLATION,
    deal.TRANSLATION,
    identifier.TRANSLATION,
    contributor.TRANSLATION,
    related_release.TRANSLATION,
)

_translate_by_table = {translation.table: translation.translate for translation in TRANSLATIONS}


def translate(change: Change) -> list[Event]:
    """Events of a change, in order; none where no carried field differs.

    Raises `Untranslatable` where no true event can be made of it.
    """
    by_table = _translate_by_table.get(change.table)
    if by_table is None:
        raise Untranslatable(f"no translation for the table {change.table}")
    return by_table(change)


__all__ = ["TRANSLATIONS", "Translation", "Untranslatable", "translate"]
