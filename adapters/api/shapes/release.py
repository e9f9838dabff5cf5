"""Releases, alone and in pages."""

from datetime import date
from typing import Annotated

from msgspec import Meta

from adapters.api.shapes.availability import Availability
from adapters.api.shapes.format import Format
from adapters.api.shapes.identifier import Identifier, Related
from adapters.api.shapes.party import Contributor, Reference, RightsHolder
from adapters.api.shapes.shape import Instant, Revision, Shape


class ReleaseDetails(Shape, frozen=True):
    """A release."""

    id: str
    title: str | None
    version_title: str | None
    display_artist: str | None
    artist: Reference | None
    type: str | None
    status: str | None
    original_release_date: date | None
    release_year: int | None
    parental_warning: str | None
    pline: str | None
    cline: str | None
    duration_ms: int | None
    track_count: int | None
    image_url: str | None
    label: RightsHolder | None
    licensor: RightsHolder | None
    identifiers: list[Identifier]
    formats: list[Format]
    contributors: list[Contributor]
    related: list[Related]
    updated_at: Instant | None
    revision: Revision


class Release(ReleaseDetails, frozen=True):
    """A release and its availability."""

    availability: Availability


class ReleasePage(Shape, frozen=True):
    """A page of releases."""

    items: list[Release]
    next_cursor: str | None


class ReleaseChanges(Shape, frozen=True):
    """A page of releases in the order in which they changed."""

    items: list[Release]
    next_cursor: Annotated[
        str, Meta(description="Keep it: asked again later, it gives what changed since.")
    ]
    more: Annotated[bool, Meta(description="Whether there is a next page already.")]


class SearchResults(Shape, frozen=True):
    """Releases, most alike first."""

    items: list[Release]
