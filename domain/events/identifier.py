"""Identifiers: industry numbers on parties, releases, recordings and tracks. Never unique."""

from dataclasses import dataclass
from typing import ClassVar

from domain.events.event import Effect, Event


@dataclass(frozen=True, kw_only=True)
class IdentifierState(Event):
    """What a identifier is, as the master catalog says it."""

    SUBJECT: ClassVar[str] = "identifier"

    owner_type: str | None = None
    """party, release, recording or track."""
    owner_id: str | None = None
    scheme: str | None = None
    """isrc, gtin, grid, iswc, isni, dpid, catalog-number or proprietary."""
    namespace: str | None = None
    """Whose number it is, for catalogue numbers and proprietary ids."""
    value_raw: str | None = None
    """As the sender wrote it."""
    value: str | None = None
    """Normalised: the key of the lookup."""
    is_valid: bool | None = None
    flaw: str | None = None
    """The rule that the value breaks, if any."""


@dataclass(frozen=True, kw_only=True)
class IdentifierAssigned(IdentifierState):
    """A number stands on something."""


@dataclass(frozen=True, kw_only=True)
class IdentifierChanged(IdentifierState):
    """A number changed."""


@dataclass(frozen=True, kw_only=True)
class IdentifierRevoked(IdentifierState):
    """A number stands there no more."""

    EFFECT: ClassVar[Effect] = Effect.REMOVAL
