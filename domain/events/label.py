"""Labels: the names under which licensors release."""

from dataclasses import dataclass
from typing import ClassVar

from domain.events.event import Effect, Event


@dataclass(frozen=True, kw_only=True)
class LabelState(Event):
    """What a label is, as the master catalog says it."""

    SUBJECT: ClassVar[str] = "label"

    licensor_id: str | None = None
    party_id: str | None = None
    """The party that the label is, where the sender names one."""
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class LabelAdded(LabelState):
    """A label is known."""


@dataclass(frozen=True, kw_only=True)
class LabelUpdated(LabelState):
    """A label changed."""


@dataclass(frozen=True, kw_only=True)
class LabelRemoved(LabelState):
    """A label is gone."""

    EFFECT: ClassVar[Effect] = Effect.REMOVAL
