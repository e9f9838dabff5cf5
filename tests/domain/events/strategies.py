"""Any event that its dataclass allows, for property tests of whatever events go through."""

import types
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from domain.events import EVENT_TYPES, Event

_BY_TYPE: dict[type, st.SearchStrategy[Any]] = {
    int: st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1),
    str: st.text(max_size=20),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    datetime: st.datetimes(
        min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)
    ),
    date: st.dates(),
    Decimal: st.integers(min_value=-(10**18) + 1, max_value=10**18 - 1).map(
        lambda unscaled: Decimal(unscaled).scaleb(-6)
    ),
}


def events(*event_types: type[Event]) -> st.SearchStrategy[Event]:
    """Any event of these types, by default of all."""
    chosen: Sequence[Any] = event_types or EVENT_TYPES  # mypy thinks that no dataclass is hashable
    return st.one_of([_instances(event_type) for event_type in chosen])


@cache
def _instances(cls: Any) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls, include_extras=True)
    return st.builds(cls, **{field.name: _of(hints[field.name]) for field in fields(cls)})


def _of(hint: Any) -> st.SearchStrategy[Any]:
    if get_origin(hint) is Annotated:
        return _of(get_args(hint)[0])
    if isinstance(hint, types.UnionType) or get_origin(hint) not in (None, list):
        return st.one_of([_of(branch) for branch in get_args(hint)])
    if get_origin(hint) is list:
        return st.lists(_of(get_args(hint)[0]), max_size=3)
    if hint is type(None):
        return st.none()
    dataclass: Any = hint  # `is_dataclass` would make it something that mypy thinks unhashable
    return _instances(dataclass) if is_dataclass(hint) else _BY_TYPE[hint]
