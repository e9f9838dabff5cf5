"""Turn one change of one master row into events: the rules that all subjects share.

The rules are made once per subject into closures (`translate_rows`), because a backlog of millions
of changes passes through them and looking names up per change is what Python is slow at.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from operator import itemgetter

from domain.changes import UNCHANGED, Change, Operation, Row
from domain.events import Event, Origin
from domain.failures import Unusable

Translate = Callable[[Change], list[Event]]
Values = tuple[object, ...]
Reading = Callable[[object], object]
"""Makes a column's value into the field's; raises `ValueError` where it cannot."""


class Untranslatable(Unusable):
    """A change from which no true event can be made; `str()` says which value is why."""


@dataclass(frozen=True, slots=True)
class Translation:
    """How the changes of one master table become events."""

    table: str
    state: type[Event]
    """The state whose fields are the columns that are row_state."""
    translate: Translate
    subjects: tuple[str, ...]
    """Subjects of the events that are made of it: a row is in the topic of one of them."""


def state_fields(state: type[Event]) -> tuple[str, ...]:
    """Names of the fields that a subject adds to `Event`, sorted."""
    common = {field.name for field in fields(Event)}
    return tuple(sorted(field.name for field in fields(state) if field.name not in common))


class RowState:
    """The state fields of a subject: taken from rows, compared, and put into events."""

    __slots__ = ("_pick", "names", "readings", "table")

    def __init__(
        self, table: str, state: type[Event], readings: Mapping[str, Reading] | None = None
    ) -> None:
        """`readings` names the fields whose column values aren't the field's values already."""
        self.table = table
        self.names = state_fields(state)
        self._pick = _picking(self.names)
        self.readings = tuple((self.names.index(name), r) for name, r in (readings or {}).items())

    def values(self, row: Row) -> Values:
        """Values of the state fields in the order of `names`; a missing column is None."""
        try:
            picked = self._pick(row)
        except KeyError:
            picked = tuple(map(row.get, self.names))
        if not self.readings:
            return picked
        values = list(picked)
        for index, reading in self.readings:
            value = values[index]
            if value is not None and value is not UNCHANGED:
                try:
                    values[index] = reading(value)
                except ValueError as problem:
                    name = self.names[index]
                    raise Untranslatable(f"{self.table}.{name}: {problem}") from None
        return tuple(values)

    def before(self, change: Change) -> Values | None:
        """What the row was, or None where that can't be trusted.

        Under REPLICA IDENTITY DEFAULT nothing but the key is true, and all else is null: such a
        row isn't trusted, nor is one that holds a value that can't be read.
        """
        if change.before is None:
            return None
        try:
            values = self.values(change.before)
        except Untranslatable:
            return None
        return values if any(value is not None for value in values) else None

    def after(self, change: Change, before: Values | None) -> Values:
        """What the row is, with unchanged values taken from before.

        Raises `Untranslatable` where capture left a value out and nobody knows it.
        """
        if change.after is None:
            raise Untranslatable(f"{self.table}: {change.operation.value} without a row after")
        values = self.values(change.after)
        if UNCHANGED not in values:
            return values
        merged = list(values)
        for index, value in enumerate(values):
            if value is UNCHANGED:
                known = UNCHANGED if before is None else before[index]
                # Null is not what was left out: the row before is not whole, or this is a text
                if known is UNCHANGED or known is None:
                    raise Untranslatable(
                        f"{self.table}.{self.names[index]} did not change and capture left it out, "
                        "and what it was isn't known: take the row in again (catalog recapture "
                        f"{self.table} {change.key['id']}), discard this, and retry what waits "
                        "behind it. REPLICA IDENTITY FULL on the table keeps it from happening"
                    )
                merged[index] = known
        return tuple(merged)

    def changed(self, before: Values | None, after: Values) -> list[str]:
        """Sorted names of the fields that differ; all that are set where before isn't known."""
        if before is None:
            return [name for name, now in zip(self.names, after, strict=True) if now is not None]
        return [
            name
            for name, was, now in zip(self.names, before, after, strict=True)
            if was is not now and was != now
        ]

    def event(
        self,
        event_type: type[Event],
        change: Change,
        values: Values,
        changed: list[str],
        index: int = 0,
    ) -> Event:
        """An event of the whole state; `index` counts the events of one change."""
        at = change.coordinates
        row = change.after if change.after is not None else change.before
        message = row.get("message_id") if row is not None else None
        content: dict[str, object] = {
            "event_id": f"{at.topic}/{at.partition}/{at.offset}/{index}",
            "id": change.key["id"],
            "origin": Origin(
                table=change.table,
                position=change.position,
                transaction=change.transaction,
                committed_at=change.committed_at,
                message=message if isinstance(message, str) else None,
            ),
            "changed": changed,
        }
        content.update(zip(self.names, values, strict=True))
        # The constructor of a frozen dataclass sets field by field through object.__setattr__,
        # which costs as much as all the rest of a translation.
        event = object.__new__(event_type)
        object.__setattr__(event, "__dict__", content)
        return event

    def removal(
        self, event_type: type[Event], change: Change, before: Values | None, index: int = 0
    ) -> Event:
        """An event that says the row is gone, with what was known of it; `changed` is empty."""
        known: Values = before if before is not None else (None,) * len(self.names)
        if UNCHANGED in known:
            known = tuple(None if value is UNCHANGED else value for value in known)
        return self.event(event_type, change, known, [], index)


def _picking(names: tuple[str, ...]) -> Callable[[Row], Values]:
    """How values are taken out of a row that has them all."""
    if len(names) > 1:
        return itemgetter(*names)
    (name,) = names
    return lambda row: (row[name],)


def translate_rows(
    table: str,
    state: type[Event],
    *,
    added: type[Event],
    updated: type[Event],
    removed: type[Event],
    readings: Mapping[str, Reading] | None = None,
) -> Translation:
    """The plain case: a row that comes, changes and goes.

    An insert or a snapshot's read adds (a read row may be long known: its state is what counts);
    an update that alters no carried field makes no event; a delete removes.
    """
    row_state = RowState(table, state, readings)

    def translate(change: Change) -> list[Event]:
        operation = change.operation
        if operation is Operation.DELETE:
            return [row_state.removal(removed, change, row_state.before(change))]
        if operation is not Operation.UPDATE:
            after = row_state.after(change, None)
            return [row_state.event(added, change, after, row_state.changed(None, after))]
        before = row_state.before(change)
        after = row_state.after(change, before)
        changed = row_state.changed(before, after)
        if before is not None and not changed:
            return []
        return [row_state.event(updated, change, after, changed)]

    return Translation(table, state, translate, (state.SUBJECT,))
