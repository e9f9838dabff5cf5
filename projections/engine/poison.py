"""What stops a rebuild: a record that can't be used, where nothing may be parked.

A rebuild goes as far as the live generation was. So the event that supersedes the record may be in
the log already and yet beyond that. Filling passes such a record: catching up comes to that event,
and where the live generation isn't there yet, there is nothing to decide, only to wait for.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing

from domain.failures import Unusable
from projections.engine.batch import project_usable, used_of
from projections.engine.records import keys_of, read
from projections.ports.event_decoder import BadRecord, EventDecoder
from projections.ports.event_log import EventLog
from projections.read_model import ReadModel

_WAYS_OUT = (
    "--park-poison parks such records and goes on, `catalog dead-letters discard` makes every "
    "rebuild pass over one that the live generation has parked"
)
_SUPERSEDED = (
    "the event at offset {} supersedes it, but the live generation isn't there yet: begin again "
    "when its workers are (`catalog status`), or let --park-poison park it until then"
)


class Poison(Unusable):
    """A record that can't be used, and that no later event of its key supersedes, in a generation
    that must not park it."""

    def __init__(self, record: BadRecord, superseded_at: int | None = None) -> None:
        """`superseded_at` is the offset of the event that does, beyond where the generation is."""
        ways_out = _WAYS_OUT if superseded_at is None else _SUPERSEDED.format(superseded_at)
        super().__init__(
            f"record at {record.topic}/{record.partition}/{record.offset} "
            f"with key {_shown(record.key)} can't be used: {record.reason}; {ways_out}"
        )
        self.record = record


def superseded_at(
    model: ReadModel,
    events: EventLog,
    decoder: EventDecoder,
    records: Sequence[BadRecord],
    position: int,
) -> Mapping[tuple[str, bytes], int]:
    """(topic, key) → offset of the event that supersedes it, for those of one partition's records
    that the log has one of from `position` on. Raises Unavailable."""
    at, keys = (records[0].topic, records[0].partition), keys_of(records)
    end = events.bounds([at[0]])[at].end
    found: dict[tuple[str, bytes], int] = {}
    if not keys or position >= end:
        return found
    with closing(read(events, {at: position}, {at: end})) as batches:
        for batch in batches:
            if keys == found.keys():
                break
            projected = project_usable(model, decoder, batch)
            found = used_of(model, projected.rows, keys - found.keys()) | found
    return found


def _shown(key: bytes | None) -> str:
    return repr(key) if key is None or len(key) <= 100 else f"{key[:100]!r}…"
