"""A captured record into the events to write: read, translate, encode.

Here records are judged: whatever goes wrong, but for a system that is away, is the record's fault.
"""

from domain.changes import Change
from domain.events import EVENT_TYPES, topic_of
from domain.failures import Unavailable, Unusable, reason_of
from domain.translation import translate
from projections.ports.change_reader import ChangeReader, NoPosition, Skip, Undecodable
from projections.ports.event_encoder import EventEncoder
from projections.ports.event_writer import OutgoingEvent

_TRUNCATED = (
    "the table {} was truncated: capture doesn't name the rows that are gone. `catalog audit "
    "--heal {}` removes them; then discard this"
)


class Interpreter:
    """Makes events of captured records."""

    def __init__(self, reader: ChangeReader, encoder: EventEncoder) -> None:
        self._read, self._encoder = reader.read, encoder
        self._encode = encoder.encode
        self._topics = {event_type: topic_of(event_type.SUBJECT) for event_type in EVENT_TYPES}

    def prepare(self) -> None:
        """Get ready for all types of events. Raises Misconfigured, Unavailable."""
        self._encoder.prepare(EVENT_TYPES)

    def change(
        self, topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None
    ) -> Change | Skip:
        """Read a record. Raises Undecodable; Unusable for a truncate: its rows vanish unnamed."""
        try:
            change = self._read(topic, partition, offset, key, value)
        except (Unavailable, NoPosition):
            raise
        except Exception as error:
            raise Undecodable(reason_of(error)) from error
        if isinstance(change, Skip) and change.reason == "truncate":
            table = topic.rpartition(".")[2]
            raise Unusable(_TRUNCATED.format(table, table))
        return change

    def events(self, change: Change) -> list[OutgoingEvent]:
        """The events of a change, in order. Raises Unusable."""
        try:
            encode, topics = self._encode, self._topics
            return [
                OutgoingEvent(topics[type(event)], event.id.encode(), encode(event))
                for event in translate(change)
            ]
        except Unavailable:
            raise
        except Exception as error:
            raise Unusable(reason_of(error)) from error
