"""Related releases: what a release names beside itself, by number: supplements, components, …"""

from dataclasses import dataclass
from typing import ClassVar

from domain.events.event import Effect, Event


@dataclass(frozen=True, kw_only=True)
class RelatedReleaseState(Event):
    """What a relation is, as the master catalog says it."""

    SUBJECT: ClassVar[str] = "related_release"

    release_id: str | None = None
    """Whose relation it is."""
    relation: str | None = None
    """DDEX ReleaseRelationshipType; HasReleaseComponent for the albums of a box."""
    scheme: str | None = None
    """Of the other release's number: gtin, grid, isrc, catalog-number or proprietary."""
    namespace: str | None = None
    """Whose number it is, for catalogue numbers and proprietary ids."""
    value: str | None = None
    """Normalised: the key of a lookup."""


@dataclass(frozen=True, kw_only=True)
class RelatedReleaseAdded(RelatedReleaseState):
    """A release names another one."""


@dataclass(frozen=True, kw_only=True)
class RelatedReleaseUpdated(RelatedReleaseState):
    """A relation changed."""


@dataclass(frozen=True, kw_only=True)
class RelatedReleaseRemoved(RelatedReleaseState):
    """A release names another one no more."""

    EFFECT: ClassVar[Effect] = Effect.REMOVAL
