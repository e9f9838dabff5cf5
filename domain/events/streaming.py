"""Streaming rights: deals for streaming and for every other use that leaves no copy."""

from dataclasses import dataclass
from typing import ClassVar

from domain.events.deal import DealTerms
from domain.events.event import Effect


@dataclass(frozen=True, kw_only=True)
class StreamingState(DealTerms):
    """What a streaming is, as the master catalog says it."""

    SUBJECT: ClassVar[str] = "streaming"


@dataclass(frozen=True, kw_only=True)
class StreamingRightGranted(StreamingState):
    """A right is granted."""


@dataclass(frozen=True, kw_only=True)
class StreamingRightChanged(StreamingState):
    """A right changed."""


@dataclass(frozen=True, kw_only=True)
class StreamingRightWithdrawn(StreamingState):
    """A right is gone."""

    EFFECT: ClassVar[Effect] = Effect.REMOVAL
