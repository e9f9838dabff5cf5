"""Histories of master rows as capture reports them, and what a projection makes of their events."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from domain.changes import Change, Coordinates, Operation
from domain.events import Effect, Event
from domain.translation import TRANSLATIONS, Translation
from domain.translation.row import state_fields

_START = datetime(2026, 1, 1, tzinfo=UTC)
_TRANSLATIONS = TRANSLATIONS + 4 * tuple(t for t in TRANSLATIONS if t.table in ("deal", "release"))
"""What histories are drawn of: most of those tables that have rules of their own."""
_PRICE: dict[str, Any] = {"amount": "0.99", "currency": "GBP", "kind": "retail"}


def _values(name: str, annotation: object) -> list[Any]:
    members = [member for member in get_args(annotation) if member is not NoneType]
    if name == "status":
        return ["active", "taken_down", "purged"]
    if name == "use_type":
        return ["PermanentDownload", "Download", "OnDemandStream", "Stream", None]
    if len(members) != 1:
        raise TypeError(f"no values for {annotation}")
    if get_origin(members[0]) is list:
        member = _PRICE if get_args(members[0]) != (str,) else "GB"
        return [None, [], [member], [member, member]]
    some: dict[object, list[Any]] = {
        str: ["", "x", "ÿ"],
        int: [0, 1, -5],
        float: [0.0, 0.5],
        bool: [True, False],
        date: [date(1970, 1, 1), date(2026, 2, 3)],
        datetime: [_START, _START + timedelta(seconds=1)],
    }
    return [None, *some[members[0]]]


def rows(translation: Translation) -> st.SearchStrategy[dict[str, Any]]:
    """Column values of one master table, without the id."""
    hints = get_type_hints(translation.state)
    options = [(name, _values(name, hints[name])) for name in state_fields(translation.state)]

    def made(seed: int) -> dict[str, Any]:
        # One number instead of a choice a column keeps whole histories small.
        return {name: some[(seed >> at) % len(some)] for at, (name, some) in enumerate(options)}

    return st.integers(0, 1 << len(options)).map(made)


@st.composite
def histories(
    draw: st.DrawFn, *, knows_before: bool = True
) -> tuple[Translation, list[Change], dict[str, dict[str, Any]]]:
    """A table, changes of its rows in one partition, and the rows it holds in the end.

    Without `knows_before` the changes are as REPLICA IDENTITY DEFAULT gives them.
    """
    translation = draw(st.sampled_from(_TRANSLATIONS))
    row = rows(translation)
    table: dict[str, dict[str, Any]] = {}
    changes: list[Change] = []

    def add(operation: Operation, key: str, before: Any, after: Any) -> None:
        if not knows_before and before is not None:
            nothing: dict[str, Any] = {"id": key, **dict.fromkeys(before)}
            before = {**nothing, "id": key} if operation is Operation.DELETE else None
        at = len(changes)
        # Ties, as the rows of one COPY page have them; never of one key and operation.
        tie = bool(changes) and draw(st.booleans())
        position = changes[-1].position if tie else f"{at:016X}-{at:016X}"
        if any(
            c.position == position and c.key["id"] == key and c.operation is operation
            for c in changes
        ):
            position = f"{at:016X}-{at:016X}"
        changes.append(
            Change(
                table=translation.table,
                operation=operation,
                key={"id": key},
                before=before if before is None else {"message_id": None, "id": key, **before},
                after=after if after is None else {"message_id": "m1", "id": key, **after},
                coordinates=Coordinates(
                    topic=f"master.public.{translation.table}", partition=1, offset=at
                ),
                position=position,
                transaction=str(at),
                committed_at=_START + timedelta(seconds=at),
            )
        )

    for _ in range(draw(st.integers(0, 8))):
        key = draw(st.sampled_from("abc"))
        was = table.get(key)
        if was is None:
            table[key] = draw(row)
            first = draw(st.sampled_from([Operation.INSERT, Operation.READ]))
            add(first, key, None, table[key])
            continue
        step = draw(st.sampled_from(["update", "same", "one", "delete", "rename", "read"]))
        if step == "read":
            add(Operation.READ, key, None, was)
        elif step == "delete":
            add(Operation.DELETE, key, table.pop(key), None)
        elif step == "rename":
            other = draw(st.sampled_from([k for k in "abcdefghijkl" if k not in table]))
            add(Operation.DELETE, key, table.pop(key), None)
            table[other] = was
            add(Operation.INSERT, other, None, was)
        else:
            now = dict(was)
            if step == "update":
                now = draw(row)
            elif step == "one":
                name = draw(st.sampled_from(sorted(was)))
                now[name] = draw(row)[name]
            table[key] = now
            add(Operation.UPDATE, key, was, now)
    return translation, changes, table


def moved(change: Change, offset: int) -> Change:
    """The same change, sent at another offset."""
    return change._replace(coordinates=change.coordinates._replace(offset=offset))


def fold(events: Iterable[Event]) -> dict[tuple[str, str], dict[str, Any]]:
    """What a projection holds after these events: the newest state of each key."""
    held: dict[tuple[str, str], dict[str, Any]] = {}
    for event in events:
        if event.EFFECT is Effect.REMOVAL:
            held.pop((event.SUBJECT, event.id), None)
        else:
            held[event.SUBJECT, event.id] = content(event)
    return held


def content(event: Event) -> dict[str, Any]:
    """The state that an event carries."""
    return {name: getattr(event, name) for name in state_fields(type(event))}
