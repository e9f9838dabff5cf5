"""Licensors: the parties from whom rights to releases come."""

from dataclasses import dataclass
from typing import ClassVar

from domain.events.event import Effect, Event


@dataclass(frozen=True, kw_only=True)
class LicensorState(Event):
    """What a licensor is, as the master catalog says it."""

    SUBJECT: ClassVar[str] = "licensor"

    party_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class LicensorAdded(LicensorState):
    """A licensor is known."""


@dataclass(frozen=True, kw_only=True)
class LicensorUpdated(LicensorState):
    """A licensor changed."""


@dataclass(frozen=True, kw_only=True)
class LicensorRemoved(LicensorState):
    """A licensor is gone."""

    EFFECT: ClassVar[Effect] = Effect.REMOVAL
