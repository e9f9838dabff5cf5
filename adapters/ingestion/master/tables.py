"""The tables of the master catalog, which capture watches.

A table that has events carries exactly their state fields (`domain/events/<subject>.py`), so that a
change of a row is a change of an event. `deal` holds what `download` and `streaming` events say.
Ids are text and deterministic, which makes ingestion a diff. There are no foreign keys: feeds are
excerpts, and a track may name a release that the catalog does not hold.
"""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

_NOW = {"server_default": sa.func.now(), "nullable": False}
_INSTANT: Any = sa.DateTime(timezone=True)


class MasterTable(SQLModel, registry=registry()):
    """Base of all master tables; their `MetaData` is their own, apart from the read catalog's."""

    id: str = Field(primary_key=True)
    message_id: str | None = None
    """`ern_message.id` of the message or feed that last wrote the row."""
    updated_at: datetime | None = Field(
        default=None, sa_type=_INSTANT, sa_column_kwargs=_NOW, nullable=False
    )


class Party(MasterTable, table=True):
    """A person or company."""

    name: str | None = None
    dpid: str | None = None
    isni: str | None = None


class Artist(MasterTable, table=True):
    """An artist under the name by which it is known."""

    party_id: str | None = None
    display_name: str | None = None
    sort_name: str | None = None


class Licensor(MasterTable, table=True):
    """A party from whom rights come."""

    party_id: str | None = None


class Label(MasterTable, table=True):
    """A label of a licensor."""

    licensor_id: str | None = None
    party_id: str | None = None
    name: str | None = None


class Release(MasterTable, table=True):
    """An album, single, bundle or (in ERN) track release."""

    licensor_id: str | None = None
    label_id: str | None = None
    artist_id: str | None = None
    release_type: str | None = None
    title: str | None = None
    version_title: str | None = None
    display_artist: str | None = None
    release_year: int | None = None
    original_release_date: date | None = None
    added_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    parental_warning: str | None = None
    pline: str | None = None
    cline: str | None = None
    duration_ms: int | None = None
    track_count: int | None = None
    tags: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text))
    image_url: str | None = None
    url: str | None = None
    status: str | None = None


class Recording(MasterTable, table=True):
    """A sound recording or video as one release's sender describes it."""

    licensor_id: str | None = None
    artist_id: str | None = None
    kind: str | None = None
    title: str | None = None
    version_title: str | None = None
    display_artist: str | None = None
    duration_ms: int | None = None
    parental_warning: str | None = None
    language: str | None = None
    pline: str | None = None


class Track(MasterTable, table=True):
    """The place of a recording on a release."""

    __table_args__ = (sa.Index("track_release", "release_id"),)

    release_id: str | None = None
    recording_id: str | None = None
    artist_id: str | None = None
    disc_number: int | None = None
    track_number: int | None = None
    title: str | None = None
    version_title: str | None = None
    display_artist: str | None = None
    kind: str | None = None
    duration_ms: int | None = None
    parental_warning: str | None = None
    popularity: float | None = None
    url: str | None = None


class Format(MasterTable, table=True):
    """A technical form of a track (`track_id` set) or of a whole release."""

    __table_args__ = (
        sa.Index("format_release", "release_id"),
        sa.Index("format_track", "track_id"),
    )

    release_id: str | None = None
    track_id: str | None = None
    code: str | None = None
    namespace: str | None = None
    codec: str | None = None
    bitrate: int | None = None
    sample_rate: int | None = None
    bit_depth: int | None = None
    channels: int | None = None


class Deal(MasterTable, table=True):
    """One commercial model × use type of a deal, with all its territories and prices.

    `prices` is a JSON list of objects with the fields of `domain.events.price.Price`; amounts are
    strings, so that no decimal is lost; fields without a value are left out.
    """

    __table_args__ = (
        sa.Index("deal_release", "release_id"),
        sa.Index("deal_track", "track_id"),
    )

    release_id: str | None = None
    track_id: str | None = None
    commercial_model: str | None = None
    use_type: str | None = None
    valid_from: datetime | None = Field(default=None, sa_type=_INSTANT)
    valid_to: datetime | None = Field(default=None, sa_type=_INSTANT)
    is_preorder: bool | None = None
    display_from: datetime | None = Field(default=None, sa_type=_INSTANT)
    preview_from: datetime | None = Field(default=None, sa_type=_INSTANT)
    territories: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text))
    excluded_territories: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text))
    prices: list[dict[str, str]] | None = Field(default=None, sa_type=JSONB)
    is_takedown: bool | None = None
    local_from: str | None = None
    local_to: str | None = None
    channels: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text))


class Identifier(MasterTable, table=True):
    """An industry number on a party, release, recording or track."""

    __table_args__ = (
        sa.Index("identifier_owner", "owner_id", "owner_type"),
        sa.Index("identifier_value", "value", "scheme"),
    )

    owner_type: str | None = None
    owner_id: str | None = None
    scheme: str | None = None
    namespace: str | None = None
    value_raw: str | None = None
    value: str | None = None
    is_valid: bool | None = None
    flaw: str | None = None


class RelatedRelease(MasterTable, table=True):
    """Another release that a release names: a supplement, a replacement, an equivalent."""

    __tablename__ = "related_release"
    __table_args__ = (sa.Index("related_release_release", "release_id"),)

    release_id: str | None = None
    relation: str | None = None
    scheme: str | None = None
    namespace: str | None = None
    value: str | None = None


class Contributor(MasterTable, table=True):
    """A party's part in a release or recording."""

    __table_args__ = (sa.Index("contributor_owner", "owner_id", "owner_type"),)

    owner_type: str | None = None
    owner_id: str | None = None
    party_id: str | None = None
    role: str | None = None
    sequence: int | None = None


class Flaw(MasterTable, table=True):
    """A value that a sender got wrong and that its row therefore lacks. Not captured.

    That is a validation error. Table, column and event field keep the name `flaw`, which is stored
    and part of the contracts. Identifiers need no row: they keep raw value and error themselves.
    """

    __table_args__ = (sa.Index("flaw_owner", "owner_id", "owner_type"),)

    owner_type: str | None = None
    owner_id: str | None = None
    field: str | None = None
    value_raw: str | None = None
    rule: str | None = None


class Message(MasterTable, table=True):
    """A feed file or ERN message that was taken in. Not captured."""

    __tablename__ = "ern_message"
    __table_args__ = (sa.Index("ern_message_sha256", "sha256"),)

    kind: str | None = None
    """ern-new-release, ern-purge, feed-release-full, feed-track-incremental …"""
    source: str | None = None
    """The path it was read from."""
    sender_dpid: str | None = None
    thread_id: str | None = None
    sender_message_id: str | None = None
    """The number that the sender gave it (DDEX MessageId); unique with nobody."""
    created_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    """MessageCreatedDateTime; feeds have none."""
    ern_version: str | None = None
    sha256: str | None = None
    status: str | None = None
    """begun, applied, test, or superseded (each of its releases has a newer statement)."""
    verdict: str | None = None
    """What was found on the way that didn't hinder: advisory."""
    content: bytes | None = None
    """The ERN message itself (zlib), as long as something that it says counts."""


class Statement(MasterTable, table=True):
    """Which ERN message said the newest about a release, party, artist or label. Not captured.

    Kept for purged releases too, so that an older message that arrives later revives nothing.
    `id` is `<kind>/<id>`, the greatest wins (`created_at`, `weight`, `message_id`).
    """

    created_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    """MessageCreatedDateTime."""
    weight: int | None = None
    """Decides between messages of one instant: the fuller one, and a purge before all."""
    owned: dict[str, list[str]] | None = Field(default=None, sa_type=JSONB)
    """For a release: kind → ids of all that came with it and goes with it."""


class ReleasePart(MasterTable, table=True):
    """A message that a release's state is made of. Not captured.

    The newest full one, and the partial ones since; a purge among them has no `named`.
    """

    __tablename__ = "release_part"
    __table_args__ = (
        sa.Index("release_part_release", "release_id"),
        sa.Index("release_part_message", "message_id"),
    )

    release_id: str | None = None
    created_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    """MessageCreatedDateTime."""
    weight: int | None = None
    """As the statement's."""
    named: str | None = None
    """The id that the release has by the message alone."""
    is_partial: bool | None = None
    """It leaves resources out."""


class Quarantine(MasterTable, table=True):
    """Input that could not be taken in, whole: a feed's line or a file. Not captured."""

    source: str | None = None
    """The path it was read from."""
    sha256: str | None = None
    """Of the file."""
    line: int | None = None
    """First line in the file, from 1; absent for a whole file."""
    reason: str | None = None
    content: bytes | None = None


CAPTURED: tuple[str, ...] = (
    "party",
    "artist",
    "licensor",
    "label",
    "release",
    "recording",
    "track",
    "format",
    "deal",
    "identifier",
    "related_release",
    "contributor",
)
"""Tables that capture watches (REPLICA IDENTITY FULL)."""

METADATA: sa.MetaData = MasterTable.metadata
