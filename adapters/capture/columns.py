"""Which kind of value each master column holds.

A record without a schema can't say whether 20455 is days or a number, so the reader must know. The
kinds come from the annotations of the event states, whose fields the master columns are: there is
no second declaration to keep.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, auto
from types import NoneType
from typing import get_args, get_origin, get_type_hints

from domain.events import Event
from domain.translation import TRANSLATIONS
from domain.translation.row import state_fields


class Kind(Enum):
    """What a column holds, whatever form it comes in."""

    TEXT = auto()
    INTEGER = auto()
    FLOAT = auto()
    BOOLEAN = auto()
    DATE = auto()
    INSTANT = auto()
    BEGIN = auto()
    """An instant before which something doesn't hold; none: it always did."""
    END = auto()
    """An instant from which something holds no more; none: it always will."""
    DECIMAL = auto()
    TEXTS = auto()
    """A list of texts."""
    JSON = auto()
    """A JSON document: lists and mappings, numbers with a point as Decimal."""


_KINDS: Mapping[object, Kind] = {
    str: Kind.TEXT,
    int: Kind.INTEGER,
    float: Kind.FLOAT,
    bool: Kind.BOOLEAN,
    date: Kind.DATE,
    datetime: Kind.INSTANT,
    Decimal: Kind.DECIMAL,
}

Columns = Mapping[str, Kind]


def kind_of(annotation: object) -> Kind:
    """Kind of a column whose field has this annotation: `int | None` → INTEGER."""
    members = [member for member in get_args(annotation) if member is not NoneType]
    if NoneType in get_args(annotation) and len(members) == 1:
        return kind_of(members[0])
    if annotation in _KINDS:
        return _KINDS[annotation]
    if get_origin(annotation) is list:
        return Kind.TEXTS if members == [str] else Kind.JSON
    raise TypeError(f"no kind of column for the annotation {annotation!r}")


def columns_of(state: type[Event]) -> Columns:
    """Kinds of the columns of the master table that a state is made from, its own two included."""
    hints = get_type_hints(state)
    kinds = {name: _bounding(name, kind_of(hints[name])) for name in state_fields(state)}
    return {"id": Kind.TEXT, **kinds, "message_id": Kind.TEXT}


def _bounding(name: str, kind: Kind) -> Kind:
    """An instant called `…_from` or `…_to` is a bound: what lies beyond all years has a meaning."""
    if kind is Kind.INSTANT and name.endswith("_from"):
        return Kind.BEGIN
    return Kind.END if kind is Kind.INSTANT and name.endswith("_to") else kind


TABLES: Mapping[str, Columns] = {
    translation.table: columns_of(translation.state) for translation in TRANSLATIONS
}
"""Columns of each master table that is translated."""
