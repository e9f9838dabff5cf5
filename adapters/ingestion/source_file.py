"""A file that is taken in, whatever is in it."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True)
class SourceFile:
    """One input file."""

    name: str
    """Its path as given or found, that of its archive before its own; `-` for standard input."""
    path: Path
    size: int
    """Bytes."""
    sha256: str
    """In hexadecimal digits."""

    def open(self) -> BinaryIO:
        """Its bytes, from the beginning."""
        return self.path.open("rb")
