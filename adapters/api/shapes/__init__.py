"""What the answers look like, for the OpenAPI document and the tests.

PostgreSQL builds the answers themselves (`projections.catalog.queries`), and the tests decode every
one into these, strictly. A class's name is its schema's name in the document.
"""

from adapters.api.shapes.availability import Availability, Offer, OfferPage, Price, State
from adapters.api.shapes.conflicts import (
    Conflict,
    ConflictingIdentifier,
    ConflictOwner,
    ConflictPage,
)
from adapters.api.shapes.explanation import ExplainedEvent, Explanation, Scanned, WrittenBy
from adapters.api.shapes.format import Format
from adapters.api.shapes.identifier import Identifier, IdentifierMatch, Scheme
from adapters.api.shapes.lookup import (
    BulkLookup,
    BulkLookupItem,
    BulkLookupRequest,
    Lookup,
    LookupItem,
    LookupMatch,
    PartyCatalog,
    Relation,
    ReleaseReference,
)
from adapters.api.shapes.party import Artist, Label, Party, Reference, RightsHolder
from adapters.api.shapes.problem import ProblemDetails
from adapters.api.shapes.recording import Recording, RecordingDetails, RecordingTrack
from adapters.api.shapes.release import (
    Release,
    ReleaseChanges,
    ReleaseDetails,
    ReleasePage,
    SearchResults,
)
from adapters.api.shapes.shape import Revision, Shape
from adapters.api.shapes.track import AvailableTrack, ReleaseTracks, Track, TrackDetails

__all__ = [
    "Artist",
    "Availability",
    "AvailableTrack",
    "BulkLookup",
    "BulkLookupItem",
    "BulkLookupRequest",
    "Conflict",
    "ConflictOwner",
    "ConflictPage",
    "ConflictingIdentifier",
    "ExplainedEvent",
    "Explanation",
    "Format",
    "Identifier",
    "IdentifierMatch",
    "Label",
    "Lookup",
    "LookupItem",
    "LookupMatch",
    "Offer",
    "OfferPage",
    "Party",
    "PartyCatalog",
    "Price",
    "ProblemDetails",
    "Recording",
    "RecordingDetails",
    "RecordingTrack",
    "Reference",
    "Relation",
    "Release",
    "ReleaseChanges",
    "ReleaseDetails",
    "ReleasePage",
    "ReleaseReference",
    "ReleaseTracks",
    "Revision",
    "RightsHolder",
    "Scanned",
    "Scheme",
    "SearchResults",
    "Shape",
    "State",
    "Track",
    "TrackDetails",
    "WrittenBy",
]
