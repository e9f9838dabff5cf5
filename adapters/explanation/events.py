"""Events as an explanation shows them: what changed, when, from where, by which contract."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol, TypedDict

from adapters.event_log.avro.objects import RecordReader, Undecodable
from adapters.event_log.avro.wire import (
    NotRegistered,
    SchemaIds,
    SchemaTexts,
    UnknownSchemaId,
    schema_id_of,
)
from adapters.event_log.tail import Record
from domain.events import EVENT_TYPES, Effect
from domain.schemas import contract_of, full_name

_TYPES = {full_name(event): event for event in EVENT_TYPES}
_NO_STATE = ("event_id", "origin", "changed")


class ExplainedEvent(TypedDict):
    """An event of a row, as it is in the log."""

    offset: int
    written_at: datetime | None
    """When it came onto its topic; `origin` says when the master committed it."""
    type: str
    schema: dict[str, int | None]
    """`id` in the registry; `version` of the checked-in contract, null for a foreign one."""
    changed: list[str]
    changes: dict[str, dict[str, Any]]
    """Field that changed → `after`, and `before` where the event before is known."""
    origin: dict[str, Any]
    state: dict[str, Any]


class Schemas(SchemaTexts, SchemaIds, Protocol):
    """A registry."""


class EventExplainer:
    """Decodes records of one registry."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._reader = RecordReader(schemas)
        self._versions: dict[int, int | None] = {}

    def explained(self, record: Record) -> ExplainedEvent:
        """A record that is no event is of type `undecodable`, with the reason as its state."""
        shown = ExplainedEvent(
            offset=record.offset,
            written_at=record.written_at,
            type="undecodable",
            schema={"id": None, "version": None},
            changed=[],
            changes={},
            origin={},
            state={},
        )
        try:
            name, fields = self._reader.read(record.value)
        except (Undecodable, UnknownSchemaId) as error:
            shown["state"] = {"error": str(error)}
            return shown
        schema_id = schema_id_of(record.value or b"")
        shown["type"] = name.rpartition(".")[2]
        shown["schema"] = {"id": schema_id, "version": self._version(name, schema_id)}
        shown["changed"], shown["origin"] = fields["changed"], fields["origin"]
        shown["state"] = {k: v for k, v in fields.items() if k not in _NO_STATE}
        return shown

    def event_id(self, record: Record) -> str | None:
        """The id of a record's event; None where it can't be decoded."""
        try:
            _, fields = self._reader.read(record.value)
        except (Undecodable, UnknownSchemaId):
            return None
        return str(fields.get("event_id"))

    def _version(self, name: str, schema_id: int) -> int | None:
        """By the registry's ids: it may give a schema's text back in another form."""
        if schema_id not in self._versions:
            event = _TYPES.get(name)
            versions = () if event is None else contract_of(event).versions
            same = (v.number for v in versions if self._id_of(name, v.text) == schema_id)
            self._versions[schema_id] = next(same, None)
        return self._versions[schema_id]

    def _id_of(self, name: str, text: str) -> int | None:
        try:
            return self._schemas.schema_id(name, text)
        except NotRegistered:
            return None


def state_fields(subject: str) -> list[str]:
    """Fields that events of a subject may change."""
    names = {
        field["name"]
        for event in EVENT_TYPES
        if subject == event.SUBJECT
        for field in contract_of(event).newest.schema["fields"]
    }
    return sorted(names - {"id", *_NO_STATE})


def with_changes(events: Sequence[ExplainedEvent]) -> list[ExplainedEvent]:
    """The same events (all of one row, newest first), each with what it changed from what."""
    older: list[ExplainedEvent | None] = [*events[1:], None]
    return [
        {**event, "changes": _changes(event, former)}
        for event, former in zip(events, older, strict=False)
    ]


def _changes(event: ExplainedEvent, former: ExplainedEvent | None) -> dict[str, dict[str, Any]]:
    before = former["state"] if former is not None and former["type"] != "undecodable" else None
    return {
        field: ({"before": before.get(field)} if before is not None else {})
        | {"after": event["state"].get(field)}
        for field in event["changed"]
    }


def concerns(event: ExplainedEvent, field: str) -> bool:
    """Whether an event changed a field, removed the row, or may have: it can't be decoded."""
    removals = {one.__name__ for one in EVENT_TYPES if one.EFFECT is Effect.REMOVAL}
    return field in event["changed"] or event["type"] in removals | {"undecodable"}
