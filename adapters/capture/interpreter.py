"""A captured record into the event records to write: read, translate, encode.

What can't go this way is `Unusable`, with the reason; who calls decides where it waits.
"""

from typing import NamedTuple

from adapters.capture.records import ChangeReader, Skip
from adapters.capture.source import UndecodableChange
from adapters.event_log.avro.encoder import EventEncoder, Unencodable
from domain.changes import Change
from domain.events import EVENT_TYPES, topic_of
from domain.failures import Unusable
from domain.translation import Untranslatable, translate

_TOPICS = {event_type: topic_of(event_type.SUBJECT) for event_type in EVENT_TYPES}


class Outgoing(NamedTuple):
    """One event, as it is written."""

    topic: str
    key: bytes
    value: bytes


class Interpreter:
    """Makes events of captured records, with the contracts of one registry."""

    def __init__(self, encoder: EventEncoder) -> None:
        self._encoder = encoder
        self._read = ChangeReader().read

    def change(
        self, topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None
    ) -> Change | Skip:
        """Read a record. Raises `Unusable`, also for a truncate: its rows vanish unnamed."""
        try:
            change = self._read(topic, partition, offset, key, value)
        except UndecodableChange as problem:
            raise Unusable(str(problem)) from None
        if isinstance(change, Skip) and change.reason == "truncate":
            raise Unusable(
                "the table was truncated: capture doesn't name the rows that are gone. Take the "
                "table in again and rebuild, or discard this if the table is as it was"
            )
        return change

    def events(self, change: Change) -> list[Outgoing]:
        """The events of a change, in order. Raises `Unusable`."""
        try:
            encode = self._encoder.encode
            return [
                Outgoing(_TOPICS[type(event)], event.id.encode(), encode(event))
                for event in translate(change)
            ]
        except (Untranslatable, Unencodable) as problem:
            raise Unusable(str(problem)) from None
