"""Answers of the identifier lookup, one by one and in bulk."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from adapters.api.shapes.availability import Availability
from adapters.api.shapes.conflicts import Conflict
from adapters.api.shapes.identifier import Identifier, IdentifierMatch, Scheme
from adapters.api.shapes.party import Party, Reference
from adapters.api.shapes.problem import ProblemDetails
from adapters.api.shapes.recording import RecordingDetails
from adapters.api.shapes.release import ReleaseDetails
from adapters.api.shapes.shape import Shape
from adapters.api.shapes.track import TrackDetails


class ReleaseReference(Shape, frozen=True):
    """A release in short."""

    id: str
    title: str | None
    display_artist: str | None
    status: str | None


class PartyCatalog(Shape, frozen=True):
    """A party with its labels and releases (the first hundred of each)."""

    party: Party | None
    identifiers: list[Identifier]
    labels: list[Reference]
    releases: list[ReleaseReference]


class LookupMatch(Shape, frozen=True):
    """One thing that a number stands on, with all that belongs to it."""

    owner: Literal["release", "track", "recording", "party"]
    id: str
    match: IdentifierMatch
    track: TrackDetails | None
    recording: RecordingDetails | None
    release: ReleaseDetails | None
    party: PartyCatalog | None
    availability: Availability | None


class Relation(Shape, frozen=True):
    """A release that names the number as that of another one."""

    relation: Annotated[
        str | None,
        Meta(description="By DDEX's terms; HasReleaseComponent: it is the box that holds it."),
    ]
    namespace: str | None
    release: ReleaseReference


class Lookup(Shape, frozen=True):
    """All that a number stands on."""

    scheme: Scheme
    value: Annotated[str, Meta(description="Normal form; as asked where it has none.")]
    matches: list[LookupMatch]
    truncated: bool
    conflicts: Annotated[
        list[Conflict],
        Meta(description="How its owners contradict each other: it was given out twice."),
    ]
    related: Annotated[
        list[Relation],
        Meta(description="Releases that name it as the number of another one (at most 100)."),
    ]


class LookupItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number to look up."""

    scheme: Annotated[str, Meta(min_length=1, max_length=40)]
    value: Annotated[str, Meta(max_length=1000)]
    namespace: Annotated[str, Meta(min_length=1, max_length=256)] | None = None


class BulkLookupRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers to look up, answered in their order."""

    lookups: Annotated[list[LookupItem], Meta(min_length=1, max_length=1000)]


class BulkLookupItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One of the answers: as a single lookup's, or a problem."""

    status: Literal[200, 400]
    answer: Lookup | msgspec.UnsetType = msgspec.UNSET
    problem: ProblemDetails | msgspec.UnsetType = msgspec.UNSET


class BulkLookup(Shape, frozen=True):
    """Answers in the order of the numbers."""

    items: list[BulkLookupItem]
