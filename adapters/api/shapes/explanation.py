"""Why a row says what it says."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from adapters.api.shapes.shape import Instant, Shape


class WrittenBy(Shape, frozen=True):
    """The event that wrote a row."""

    event_id: str
    topic: str
    partition: int
    offset: int


class ExplainedEvent(Shape, frozen=True):
    """An event of the row, as it is in the log."""

    offset: int
    written_at: Instant | None
    type: str
    schema: Annotated[
        dict[str, int | None],
        Meta(description="`id` in the registry, `version` of the contract."),
    ]
    changed: list[str]
    changes: Annotated[
        dict[str, dict[str, Any]],
        Meta(description="Field → `after`, and `before` where the event before is known."),
    ]
    origin: Annotated[
        dict[str, Any],
        Meta(description="Master table, log position, transaction, commit, source message."),
    ]
    state: dict[str, Any]


class Scanned(Shape, frozen=True):
    """The offsets of the partition that were looked through."""

    from_: int = msgspec.field(name="from")
    to: Annotated[int, Meta(description="Exclusive.")]


class Explanation(Shape, frozen=True):
    """Why a row says what it says."""

    kind: str
    id: str
    row: dict[str, Any] | None
    written_by: WrittenBy | None
    topic: str
    partition: int | None
    events: Annotated[list[ExplainedEvent], Meta(description="Newest first.")]
    complete: Annotated[bool, Meta(description="Whether these are all events of the row.")]
    scanned: Scanned | None
    note: str | None
