"""Events made again of what was read, to be compared with what was written."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from adapters.event_log.avro.objects import Undecodable
from domain.events import EVENT_TYPES, Event
from domain.schemas import contract_of, full_name

_EVENT_TYPES = {full_name(event): event for event in EVENT_TYPES}


def event_from_mapping(name: str, values: Mapping[str, Any]) -> Event:
    """Build the event of a full name from its fields; fields it doesn't know are left out.

    Raises:
        LookupError: this version knows no such event.
        Undecodable: a field that must be there is missing.
    """
    event_type = _EVENT_TYPES[name]
    known = {field["name"] for field in contract_of(event_type).newest.schema["fields"]}
    try:
        event: Event = _built(event_type, {k: v for k, v in values.items() if k in known})
    except TypeError as error:
        raise Undecodable(f"{name}: {error}") from error
    return event


def _built(cls: type[Any], values: Mapping[str, Any]) -> Any:
    nested = _nested(cls)
    return cls(
        **{
            field.name: _value(nested.get(field.name), values[field.name])
            for field in fields(cls)
            if field.name in values
        }
    )


def _value(cls: type[Any] | None, value: Any) -> Any:
    if cls is None or value is None:
        return value
    if isinstance(value, list):
        return [_built(cls, item) for item in value]
    return _built(cls, value)


def _nested(cls: type[Any]) -> dict[str, type[Any]]:
    """Fields of a dataclass that hold another, or a list of it."""

    def inside(hint: Any) -> list[type[Any]]:
        if isinstance(hint, type) and is_dataclass(hint):
            return [hint]
        return [found for argument in get_args(hint) for found in inside(argument)]

    return {name: found[0] for name, hint in get_type_hints(cls).items() if (found := inside(hint))}
