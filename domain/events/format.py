"""Formats: the technical forms in which a track or a release can be had."""

from dataclasses import dataclass
from typing import ClassVar

from domain.events.event import Effect, Event


@dataclass(frozen=True, kw_only=True)
class FormatState(Event):
    """What a format is, as the master catalog says it."""

    SUBJECT: ClassVar[str] = "format"

    release_id: str | None = None
    track_id: str | None = None
    code: str | None = None
    """The sender's own format code."""
    namespace: str | None = None
    """Whose code it is."""
    codec: str | None = None
    bitrate: int | None = None
    """kbit/s."""
    sample_rate: int | None = None
    """Hz."""
    bit_depth: int | None = None
    channels: int | None = None


@dataclass(frozen=True, kw_only=True)
class FormatAdded(FormatState):
    """A format is available."""


@dataclass(frozen=True, kw_only=True)
class FormatChanged(FormatState):
    """A format changed."""


@dataclass(frozen=True, kw_only=True)
class FormatRemoved(FormatState):
    """A format is gone."""

    EFFECT: ClassVar[Effect] = Effect.REMOVAL
