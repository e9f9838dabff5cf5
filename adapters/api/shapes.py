"""What the answers look like, for the OpenAPI document and the tests: PostgreSQL builds the answers
themselves (`projections.catalog.queries`), and the tests decode every one into these, strictly."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Revision = Annotated[
    str, Meta(description="Partition and offset of the event that wrote this: changes with it.")
]


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every field is there, always; null where the catalog doesn't know."""


class Number(Shape, frozen=True):
    """An industry identifier."""

    scheme: str
    value: Annotated[str, Meta(description="Normal form; a GTIN has 14 digits.")] | None
    namespace: str | None
    raw: Annotated[str, Meta(description="As its sender wrote it.")] | None
    valid: bool | None
    flaw: str | None


class Named(Shape, frozen=True):
    """An artist in short."""

    id: str
    name: str | None


class RightsHolder(Named, frozen=True):
    """A label or licensor, with its DDEX Party Id."""

    dpid: str | None


class Party(RightsHolder, frozen=True):
    """A party."""

    isni: str | None


class TechnicalForm(Shape, frozen=True):
    """A format."""

    code: str | None
    namespace: str | None
    codec: str | None
    bitrate: int | None
    sample_rate: int | None
    bit_depth: int | None
    channels: int | None


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An amount or a price code; fields that the sender doesn't say are left out."""

    amount: Annotated[str, Meta(pattern=r"^-?\d+\.\d+$")] | msgspec.UnsetType = msgspec.UNSET
    currency: str | msgspec.UnsetType = msgspec.UNSET
    code: str | msgspec.UnsetType = msgspec.UNSET
    namespace: str | msgspec.UnsetType = msgspec.UNSET
    kind: str | msgspec.UnsetType = msgspec.UNSET


class Offer(Shape, frozen=True):
    """A deal that holds."""

    id: str
    scope: Literal["release", "track"]
    usage_type: Literal["download", "subscription_stream", "ad_supported_stream", "other"]
    use_type: str | None
    commercial_model: str | None
    is_preorder: bool
    valid_from: datetime | None
    valid_to: Annotated[datetime, Meta(description="Exclusive.")] | None
    display_from: datetime | None
    preview_from: datetime | None
    territories: list[str] | None
    excluded_territories: list[str] | None
    prices: list[Price] | None
    governs: Annotated[
        bool,
        Meta(description="Its terms apply, of all offers of this use that overlap in the country."),
    ]


State = Literal["available", "preorder", "upcoming", "unavailable", "taken_down"]


class Availability(Shape, frozen=True):
    """Whether it can be had in the country, for the uses, at the moment that were asked."""

    country: str | None
    state: State
    available: bool
    from_: (
        Annotated[
            datetime,
            Meta(description="Since when it is available; or from when it will be; null: never."),
        ]
        | None
    ) = msgspec.field(name="from")
    until: datetime | None
    offers: list[Offer]
    truncated: bool


class ReleaseFacts(Shape, frozen=True):
    """A release."""

    id: str
    title: str | None
    version_title: str | None
    display_artist: str | None
    artist: Named | None
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
    identifiers: list[Number]
    formats: list[TechnicalForm]
    updated_at: datetime | None
    revision: Revision


class Release(ReleaseFacts, frozen=True):
    """A release and its availability."""

    availability: Availability


class TrackFacts(Shape, frozen=True):
    """A track: the place of a recording on a release."""

    id: str
    release_id: str | None
    recording_id: str | None
    disc_number: int | None
    track_number: int | None
    title: str | None
    version_title: str | None
    display_artist: str | None
    artist: Named | None
    kind: str | None
    duration_ms: int | None
    parental_warning: str | None
    identifiers: list[Number]
    formats: list[TechnicalForm]
    revision: Revision


class ReleaseTrack(TrackFacts, frozen=True):
    """A track with the numbers of its recording (the ISRC) and its availability."""

    recording_identifiers: list[Number]
    availability: Availability


class RecordingFacts(Shape, frozen=True):
    """A recording."""

    id: str
    title: str | None
    version_title: str | None
    display_artist: str | None
    artist: Named | None
    kind: str | None
    duration_ms: int | None
    parental_warning: str | None
    language: str | None
    pline: str | None
    licensor: RightsHolder | None
    identifiers: list[Number]
    revision: Revision


class Place(Shape, frozen=True):
    """Where a recording is a track."""

    id: str
    release_id: str | None
    release_title: str | None
    disc_number: int | None
    track_number: int | None


class Recording(RecordingFacts, frozen=True):
    """A recording and the tracks that it is."""

    tracks: list[Place]


class Track(Shape, frozen=True):
    """A track with its recording and release."""

    track: ReleaseTrack
    recording: RecordingFacts | None
    release: ReleaseFacts | None


class Tracks(Shape, frozen=True):
    """The tracks of a release in their order."""

    release_id: str
    items: list[ReleaseTrack]
    truncated: bool


class Artist(Named, frozen=True):
    """An artist."""

    sort_name: str | None
    party: Party | None
    identifiers: list[Number]
    revision: Revision


class Label(Named, frozen=True):
    """A label."""

    party: Party | None
    licensor: RightsHolder | None
    identifiers: list[Number]
    revision: Revision


class ReleasePage(Shape, frozen=True):
    """A page of releases."""

    items: list[Release]
    next_cursor: str | None


class Changes(Shape, frozen=True):
    """A page of releases in the order in which they changed."""

    items: list[Release]
    next_cursor: Annotated[
        str, Meta(description="Keep it: asked again later, it gives what changed since.")
    ]
    more: Annotated[bool, Meta(description="Whether there is a next page already.")]


class Found(Shape, frozen=True):
    """Releases, most alike first."""

    items: list[Release]


class PartyRelease(Shape, frozen=True):
    """A release of a party in short."""

    id: str
    title: str | None
    display_artist: str | None
    status: str | None


class PartyEntry(Shape, frozen=True):
    """A party with its labels and releases (the first hundred of each)."""

    party: Party | None
    identifiers: list[Number]
    labels: list[Named]
    releases: list[PartyRelease]


class Match(Shape, frozen=True):
    """How the number stands on its owner."""

    valid: bool | None
    flaw: str | None
    raw: str | None
    namespace: str | None


class Entry(Shape, frozen=True):
    """One thing that a number stands on, with all that belongs to it."""

    owner: Literal["release", "track", "recording", "party"]
    id: str
    match: Match
    track: TrackFacts | None
    recording: RecordingFacts | None
    release: ReleaseFacts | None
    party: PartyEntry | None
    availability: Availability | None


Conflict = Literal["titles", "lengths", "licensors"]


class Lookup(Shape, frozen=True):
    """All that a number stands on."""

    scheme: str
    value: str
    matches: list[Entry]
    truncated: bool
    conflicts: Annotated[
        list[Conflict],
        Meta(description="How its owners contradict each other: it was given out twice."),
    ]


class BulkItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number to look up."""

    scheme: Annotated[str, Meta(min_length=1, max_length=40)]
    value: Annotated[str, Meta(max_length=1000)]
    namespace: Annotated[str, Meta(min_length=1, max_length=256)] | None = None


class BulkRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers to look up, answered in their order."""

    lookups: Annotated[list[BulkItem], Meta(min_length=1, max_length=1000)]


class BulkAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One of the answers: as a single lookup's, or a problem."""

    status: Literal[200, 400]
    answer: Lookup | msgspec.UnsetType = msgspec.UNSET
    problem: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class BulkAnswers(Shape, frozen=True):
    """Answers in the order of the numbers."""

    items: list[BulkAnswer]


class ConflictOwner(Shape, frozen=True):
    """What a contradicting number stands on."""

    owner: Literal["recording", "release"]
    id: str
    title: str | None
    display_artist: str | None
    duration_ms: int | None
    licensor_id: str | None


class ConflictingNumber(Shape, frozen=True):
    """A number that was given to more than one thing."""

    scheme: str
    value: str
    conflicts: list[Conflict]
    owner_count: int
    owners: list[ConflictOwner] | None


class ConflictPage(Shape, frozen=True):
    """A page of contradicting numbers."""

    items: list[ConflictingNumber]
    next_cursor: str | None


class WrittenBy(Shape, frozen=True):
    """The event that wrote a row."""

    event_id: str
    topic: str
    partition: int
    offset: int


class ExplainedEvent(Shape, frozen=True):
    """An event of the row, as it is in the log."""

    offset: int
    written_at: datetime | None
    type: str
    schema: Annotated[
        dict[str, int | None],
        Meta(description="`id` in the registry, `version` of the contract."),
    ]
    changed: list[str]
    origin: Annotated[
        dict[str, Any],
        Meta(description="Master table, log position, transaction, commit, source message."),
    ]
    state: dict[str, Any]


class Explanation(Shape, frozen=True):
    """Why a row says what it says."""

    kind: str
    id: str
    row: dict[str, Any]
    written_by: WrittenBy
    events: Annotated[list[ExplainedEvent], Meta(description="Newest first.")]
    complete: Annotated[bool, Meta(description="Whether these are all events of the row.")]
    note: str | None


class ProblemShape(msgspec.Struct, frozen=True):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str | None = None
    rule: str | None = None
