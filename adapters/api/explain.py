"""Why a row says what it says: the event that wrote it, and those of the same key before it.

The row knows its event's partition and offset, so that event is one read. Those before it are
looked for in the same partition, backwards no further than SCANNED records and no longer than
SECONDS: an answer says whether it has all.
"""

from collections.abc import Callable

from adapters.composition import clients
from adapters.composition.endpoints import Endpoints
from adapters.event_log.history import Limits
from adapters.explanation.explanation import Explained, Explainer
from projections.ports.event_log import Bounds

SCANNED = 20_000
SECONDS = 3.0
SHOWN = 50

History = tuple[list[Explained], bool]
"""Events newest first, and whether they are all."""
Historian = Callable[[str, int, int, str], History]
"""(topic, partition, offset, key) → the history up to and with that offset. May raise anything
that says that the log can't be read."""


def historian(endpoints: Endpoints) -> Historian:
    """Reads histories from Kafka. Safe to call from several threads."""
    limits = Limits(offsets=SCANNED, found=SHOWN, seconds=SECONDS)

    def history(topic: str, partition: int, offset: int, key: str) -> History:
        bounds = Bounds(0, offset + 1)
        found = clients.look_back(endpoints, (topic, partition), key.encode(), bounds, limits)
        with clients.registry(endpoints) as registry:
            explainer = Explainer(registry)
            return [explainer.explained(one) for one in found.records], found.is_complete

    return history
