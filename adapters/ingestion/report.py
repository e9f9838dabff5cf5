"""What became of each file that was taken in: for the summary, the exit code and the progress."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

from domain.failures import bounded


@dataclass(frozen=True)
class Rejected:
    """Input that went to quarantine."""

    line: int | None
    """First line in its file, from 1; None for a whole file."""
    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", bounded(self.reason))


@dataclass
class FileReport:
    """What became of one file."""

    path: str
    kind: str
    """feed-release-full, feed-track-incremental, ern-new-release, ern-purge, unknown …"""
    status: str = "applied"
    """applied, known (taken in before), superseded, test, quarantined or skipped."""
    rows: int = 0
    """Records read: lines of a feed, releases of a message."""
    flagged: int = 0
    """Validation errors that were kept with their rows: bad identifiers, numbers, dates."""
    quarantined: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    """The first of them, at most `SHOWN`."""
    changed: Counter[str] = field(default_factory=Counter)
    """Rows changed: `track inserted`, `deal updated` …"""
    notes: list[str] = field(default_factory=list)

    def reject(self, rejected: Rejected) -> None:
        """Count a rejected input, and keep the first few to be shown."""
        self.quarantined += 1
        if len(self.rejected) < SHOWN:
            self.rejected.append(rejected)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "path": self.path,
            "kind": self.kind,
            "status": self.status,
            "rows": self.rows,
            "flagged": self.flagged,
            "quarantined": self.quarantined,
            "rejected": [{"line": r.line, "reason": r.reason} for r in self.rejected],
            "changed": dict(sorted(self.changed.items())),
            "notes": self.notes,
        }


SHOWN = 20


@dataclass
class Summary:
    """What became of everything."""

    files: list[FileReport] = field(default_factory=list)

    @property
    def quarantined(self) -> int:
        """Inputs that wait in the quarantine table."""
        return sum(f.quarantined for f in self.files)

    @property
    def changed(self) -> Counter[str]:
        """Rows changed in all."""
        total: Counter[str] = Counter()
        for file in self.files:
            total.update(file.changed)
        return total

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "files": [f.as_json() for f in self.files],
            "changed": dict(sorted(self.changed.items())),
            "quarantined": self.quarantined,
        }


class Watch(Protocol):
    """What is reported of progress."""

    def begin(self, path: str, size: int) -> None:
        """A file of so many bytes is begun."""

    def advance(self, size: int) -> None:
        """So many bytes more of it are done."""

    def end(self, report: FileReport) -> None:
        """It is done."""


class NoWatch:
    """Progress is reported to nobody."""

    def begin(self, path: str, size: int) -> None:
        """Ignored."""

    def advance(self, size: int) -> None:
        """Ignored."""

    def end(self, report: FileReport) -> None:
        """Ignored."""
