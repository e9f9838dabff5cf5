"""Why a row says what it says."""

from typing import Annotated, Any

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
    origin: Annotated[
        dict[str, Any],
        Meta(description="Master table, log position, transaction, commit, source message."),
    ]
    state: dict[str, Any]


class Explanation(Shape, frozen=True):
    """Why a row says what it says."""

    kind: str
    id: str
    row: dict[str, Any]
    written_by: WrittenBy
    events: Annotated[list[ExplainedEvent], Meta(description="Newest first.")]
    complete: Annotated[bool, Meta(description="Whether these are all events of the row.")]
    note: str | None
