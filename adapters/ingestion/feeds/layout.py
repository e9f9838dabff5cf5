"""Which feed a header announces, and where its columns stand; names are matched in any case."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

RELEASE = (
    "releaseid",
    "title",
    "version",
    "artistid",
    "artistappearsas",
    "barcode",
    "type",
    "year",
    "explicitcontent",
    "trackcount",
    "duration",
    "tags",
    "licensorid",
    "image",
    "dateadded",
    "releasedate",
    "labelid",
    "labelname",
    "formats",
    "price",
    "rrp",
    "url",
)
TRACK = (
    "trackid",
    "title",
    "version",
    "type",
    "isrc",
    "explicitcontent",
    "tracknumber",
    "discnumber",
    "artistid",
    "artistappearsas",
    "releaseid",
    "duration",
    "formats",
    "price",
    "rrp",
    "url",
    "popularity",
    "streamingreleasedate",
    "licensorid",
)


@dataclass(frozen=True)
class Layout:
    """The columns of one feed."""

    subject: str
    """release or track."""
    header: tuple[str, ...]
    """Column names as they stand, in lower case."""

    @property
    def is_incremental(self) -> bool:
        """Whether rows say what to do (`action` I, U or D)."""
        return "action" in self.header

    @property
    def kind(self) -> str:
        """feed-release-full, feed-track-incremental …"""
        return f"feed-{self.subject}-{'incremental' if self.is_incremental else 'full'}"

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that a feed of this subject can have."""
        return RELEASE if self.subject == "release" else TRACK

    @cached_property
    def id_column(self) -> int:
        """Where the row's own id stands."""
        return self.header.index(f"{self.subject}id")

    @cached_property
    def action_column(self) -> int | None:
        """Where `action` stands."""
        return self.header.index("action") if self.is_incremental else None

    @property
    def unknown(self) -> list[str]:
        """Columns that nothing is known of, and that are not taken in."""
        return [c for c in self.header if c not in (*self.columns, "action")]


def recognise(header: Sequence[str]) -> Layout | None:
    """The feed that a header announces; None if it is no feed's header."""
    names = tuple(name.strip().lower() for name in header)
    if len(set(names)) != len(names):
        return None
    if {"trackid", "title", "isrc", "releaseid"} <= set(names):
        return Layout("track", names)
    if {"releaseid", "title", "barcode"} <= set(names) and "trackid" not in names:
        return Layout("release", names)
    return None
