"""The routes, as one table: what is asked, with which parameters, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.api import handlers, shapes
from adapters.api import parameters as ask
from adapters.api.request import Handler
from projections.catalog.queries import entities


@dataclass(frozen=True)
class Endpoint:
    """One operation."""

    path: str
    tag: str
    summary: str
    handle: Handler
    query: type[ask.NoParameters]
    answer: type[Any]
    method: str = "GET"
    body: type[Any] | None = None
    example: Any = None
    """Of a body."""
    problems: tuple[int, ...] = ()
    """Problems beside those that every operation may have."""
    path_values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Variables of the path that have a fixed list of values."""


_BULK_EXAMPLE = {
    "lookups": [
        {"scheme": "isrc", "value": "GB-LF9-26-90001"},
        {"scheme": "upc", "value": "299000009001"},
    ]
}

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "/v1/lookup/{scheme}/{value}", "Lookup", "All that a number stands on",
        handlers.lookup, ask.LookupParameters, shapes.Lookup,
    ),
    Endpoint(
        "/v1/lookups", "Lookup", "Up to 1,000 numbers in one request",
        handlers.bulk, ask.AvailabilityParameters, shapes.BulkLookup,
        method="POST",
        body=shapes.BulkLookupRequest,
        example=_BULK_EXAMPLE, problems=(413, 415),
    ),
    Endpoint(
        "/v1/releases", "Releases", "Releases in the order in which they changed",
        handlers.changes, ask.ChangesParameters, shapes.ReleaseChanges, problems=(410,),
    ),
    Endpoint(
        "/v1/releases/{id}", "Releases", "A release",
        handlers.entity(entities.RELEASE, "release"), ask.AvailabilityParameters, shapes.Release,
        problems=(404,),
    ),
    Endpoint(
        "/v1/releases/{id}/tracks", "Releases", "The tracks of a release",
        handlers.entity(entities.RELEASE_TRACKS, "release"), ask.AvailabilityParameters,
        shapes.ReleaseTracks,
        problems=(404,),
    ),
    Endpoint(
        "/v1/releases/{id}/offers", "Releases", "All that a release is offered on",
        handlers.offers_of("release"), ask.PageParameters, shapes.OfferPage,
        problems=(404,),
    ),
    Endpoint(
        "/v1/tracks/{id}/offers", "Tracks", "All that a track is offered on",
        handlers.offers_of("track"), ask.PageParameters, shapes.OfferPage,
        problems=(404,),
    ),
    Endpoint(
        "/v1/tracks/{id}", "Tracks", "A track",
        handlers.entity(entities.TRACK, "track"), ask.AvailabilityParameters, shapes.Track,
        problems=(404,),
    ),
    Endpoint(
        "/v1/recordings/{id}", "Recordings", "A recording",
        handlers.entity(entities.RECORDING, "recording"), ask.NoParameters, shapes.Recording,
        problems=(404,),
    ),
    Endpoint(
        "/v1/artists/{id}", "Artists", "An artist",
        handlers.entity(entities.ARTIST, "artist"), ask.NoParameters, shapes.Artist,
        problems=(404,),
    ),
    Endpoint(
        "/v1/artists/{id}/releases", "Artists", "The releases of an artist",
        handlers.releases_of("artist_id"), ask.PageParameters, shapes.ReleasePage,
        problems=(404,),
    ),
    Endpoint(
        "/v1/labels/{id}", "Labels", "A label",
        handlers.entity(entities.LABEL, "label"), ask.NoParameters, shapes.Label,
        problems=(404,),
    ),
    Endpoint(
        "/v1/labels/{id}/releases", "Labels", "The releases of a label",
        handlers.releases_of("label_id"), ask.PageParameters, shapes.ReleasePage,
        problems=(404,),
    ),
    Endpoint(
        "/v1/search", "Releases", "Releases by words of their title or artist",
        handlers.search, ask.SearchParameters, shapes.SearchResults,
    ),
    Endpoint(
        "/v1/identifiers/conflicts", "Identifiers", "Numbers whose owners contradict each other",
        handlers.conflicts, ask.ConflictsParameters, shapes.ConflictPage,
    ),
    Endpoint(
        "/v1/explain/{kind}/{id}", "Explanation", "Why a row says what it says",
        handlers.explain, ask.NoParameters, shapes.Explanation,
        problems=(404,), path_values={"kind": tuple(entities.KINDS)},
    ),
)  # fmt: skip
"""All operations; the busiest first."""
