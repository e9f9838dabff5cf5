"""What an inbox asks of the place where it is: a folder, a bucket or an SFTP server."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

DONE = "done"
ACKNOWLEDGEMENTS = "acknowledgements"
RESERVED = frozenset({DONE, ACKNOWLEDGEMENTS})
"""Folders at the top that are ours: what was taken in, and what the senders fetch. The second is
named by ERN Choreography ("SFTP Server Organisation", kb.ddex.net, ECHO17FTP)."""
AT_ONCE = 16
"""Transfers beside each other."""


@dataclass(frozen=True)
class Entry:
    """A file in an inbox."""

    path: str
    """Relative to the inbox, with slashes."""
    size: int
    """Bytes."""
    version: str
    """Another one whenever the content may be another: an ETag, or the time of the last change."""


class Store(Protocol):
    """A place of files. All paths are relative to it. Everything raises Unavailable where the place
    can't be reached or refuses us."""

    @property
    def name(self) -> str:
        """What it is called in logs and tables: its address without secrets."""

    def entries(self) -> list[Entry]:
        """All files outside RESERVED, but not those whose names begin with a dot."""

    def fetch(self, files: Mapping[str, Path]) -> set[str]:
        """Copy files to where they are wanted; returns those that are gone or closed to us."""

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files, each whole or not at all; one that is there is replaced."""

    def move(self, path: str, to: str) -> None:
        """Move a file or folder; where that was begun or done before, the rest of it.

        Where something else is there already it goes beside it (`~2` …); on S3 objects of the same
        names are replaced.
        """

    def close(self) -> None:
        """Let go of connections; used again, it connects again."""
