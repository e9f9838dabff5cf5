"""The industry's numbers, and why one stands on something."""

from typing import Annotated, Literal

from msgspec import Meta

from adapters.api.shapes.shape import Shape

Scheme = Literal["isrc", "gtin", "grid", "iswc", "isni", "dpid", "catalog-number", "proprietary"]


class Identifier(Shape, frozen=True):
    """An industry identifier."""

    scheme: Scheme
    value: Annotated[str, Meta(description="Normal form; a GTIN has 14 digits.")] | None
    namespace: str | None
    raw: Annotated[str, Meta(description="As its sender wrote it.")] | None
    valid: bool | None
    flaw: str | None


class IdentifierMatch(Shape, frozen=True):
    """How the number stands on its owner."""

    valid: bool | None
    flaw: str | None
    raw: str | None
    namespace: str | None


class Related(Shape, frozen=True):
    """A release that another one names, by its number."""

    relation: str | None
    scheme: str | None
    value: str | None
    namespace: str | None
