"""The typed events, a module per subject, and the list of them all.

To add an event type, write it in its subject's module and name it in `EVENT_TYPES`.
"""

from domain.events.artist import ArtistAdded, ArtistRemoved, ArtistUpdated
from domain.events.contributor import (
    ContributorAdded,
    ContributorRemoved,
    ContributorUpdated,
)
from domain.events.download import (
    DownloadOfferChanged,
    DownloadOffered,
    DownloadWithdrawn,
)
from domain.events.event import Effect, Event, Origin, presupposes_its_row
from domain.events.format import FormatAdded, FormatChanged, FormatRemoved
from domain.events.identifier import (
    IdentifierAssigned,
    IdentifierChanged,
    IdentifierRevoked,
)
from domain.events.label import LabelAdded, LabelRemoved, LabelUpdated
from domain.events.licensor import LicensorAdded, LicensorRemoved, LicensorUpdated
from domain.events.party import PartyAdded, PartyRemoved, PartyUpdated
from domain.events.price import Price
from domain.events.recording import RecordingAdded, RecordingRemoved, RecordingUpdated
from domain.events.related_release import (
    RelatedReleaseAdded,
    RelatedReleaseRemoved,
    RelatedReleaseUpdated,
)
from domain.events.release import (
    ReleaseAdded,
    ReleasePurged,
    ReleaseTakenDown,
    ReleaseUpdated,
)
from domain.events.streaming import (
    StreamingRightChanged,
    StreamingRightGranted,
    StreamingRightWithdrawn,
)
from domain.events.topics import set_topic_prefix, subject_of, topic_of
from domain.events.track import TrackAdded, TrackRemoved, TrackUpdated

EVENT_TYPES: tuple[type[Event], ...] = (
    PartyAdded,
    PartyUpdated,
    PartyRemoved,
    ArtistAdded,
    ArtistUpdated,
    ArtistRemoved,
    LicensorAdded,
    LicensorUpdated,
    LicensorRemoved,
    LabelAdded,
    LabelUpdated,
    LabelRemoved,
    ReleaseAdded,
    ReleaseUpdated,
    ReleaseTakenDown,
    ReleasePurged,
    RecordingAdded,
    RecordingUpdated,
    RecordingRemoved,
    TrackAdded,
    TrackUpdated,
    TrackRemoved,
    FormatAdded,
    FormatChanged,
    FormatRemoved,
    DownloadOffered,
    DownloadOfferChanged,
    DownloadWithdrawn,
    StreamingRightGranted,
    StreamingRightChanged,
    StreamingRightWithdrawn,
    IdentifierAssigned,
    IdentifierChanged,
    IdentifierRevoked,
    ContributorAdded,
    ContributorUpdated,
    ContributorRemoved,
    RelatedReleaseAdded,
    RelatedReleaseUpdated,
    RelatedReleaseRemoved,
)

SUBJECTS: tuple[str, ...] = tuple(dict.fromkeys(event.SUBJECT for event in EVENT_TYPES))
"""Subjects in the order in which they are best read: owners before what refers to them."""


__all__ = [
    "EVENT_TYPES",
    "SUBJECTS",
    "Effect",
    "Event",
    "Origin",
    "Price",
    "presupposes_its_row",
    "set_topic_prefix",
    "subject_of",
    "topic_of",
]
