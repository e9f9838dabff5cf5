"""Numbers that were given out twice."""

from typing import Literal

from adapters.api.shapes.shape import Shape

Conflict = Literal["titles", "lengths", "licensors", "releases"]


class ConflictOwner(Shape, frozen=True):
    """What a contradicting number stands on."""

    owner: Literal["recording", "release"]
    id: str
    title: str | None
    display_artist: str | None
    duration_ms: int | None
    licensor_id: str | None


class ConflictingIdentifier(Shape, frozen=True):
    """A number that was given to more than one thing."""

    scheme: Literal["isrc", "gtin", "grid"]
    value: str
    conflicts: list[Conflict]
    owner_count: int
    owners: list[ConflictOwner] | None


class ConflictPage(Shape, frozen=True):
    """A page of contradicting numbers."""

    items: list[ConflictingIdentifier]
    next_cursor: str | None
