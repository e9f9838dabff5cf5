"""Changes of `release` rows into events: a release's status decides what happened to it."""

from domain.changes import Change, Operation
from domain.events import Event
from domain.events.release import (
    ReleaseAdded,
    ReleasePurged,
    ReleaseState,
    ReleaseTakenDown,
    ReleaseUpdated,
)
from domain.translation.row import RowState, Translation

_state = RowState("release", ReleaseState)
_status = _state.names.index("status")


def translate(change: Change) -> list[Event]:
    """A purged row counts as gone, so what happens to it while it is purged is no event."""
    before = None if change.operation is Operation.READ else _state.before(change)
    was_purged = before is not None and before[_status] == "purged"
    if change.operation is Operation.DELETE:
        return [] if was_purged else [_state.removal(ReleasePurged, change, before)]
    after = _state.after(change, before)
    is_purged = after[_status] == "purged"
    if was_purged and is_purged:
        return []
    if was_purged:
        before = None
    changed = _state.changed(before, after)
    if before is not None and not changed:
        return []
    if is_purged:
        return [_state.event(ReleasePurged, change, after, changed)]
    if after[_status] == "taken_down":
        return [_state.event(ReleaseTakenDown, change, after, changed)]
    is_new = was_purged or change.operation is not Operation.UPDATE
    return [_state.event(ReleaseAdded if is_new else ReleaseUpdated, change, after, changed)]


TRANSLATION = Translation("release", ReleaseState, translate, (ReleaseState.SUBJECT,))
