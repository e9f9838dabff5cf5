"""Which batches an inbox holds, which of them are complete, and in which order they come."""

import posixpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from adapters.ingestion.batches import batch_id
from adapters.ingestion.inbox.store import Entry
from adapters.ingestion.manifests import MARKER


@dataclass(frozen=True)
class Delivered:
    """A batch as it lies in the inbox."""

    path: str
    """Its folder, or the file that came alone."""
    entries: tuple[Entry, ...]
    marker: Entry | None = None
    """What says that it is complete."""

    @property
    def fingerprint(self) -> str:
        """Another one when it is delivered anew."""
        told = self.entries if self.marker is None else (self.marker,)
        return " ".join(f"{e.path}:{e.size}:{e.version}" for e in told)[-2_000:]

    @property
    def order(self) -> tuple[str, str, str]:
        """Per sender's folder by BatchId: the date and time at which the folder was made, whatever
        the priority before it (kb.ddex.net, "Order of ERN processing")."""
        return posixpath.dirname(self.path), batch_id(self.path), self.path

    def relative(self, entry: Entry) -> str:
        """Path of a file in the batch."""
        if entry.path == self.path:
            return posixpath.basename(entry.path)
        return entry.path[len(self.path) + 1 :]


def delivered(entries: Iterable[Entry]) -> list[Delivered]:
    """What an inbox holds, as batches, in the order in which to take them.

    A folder with a marker is a batch; what lies in none is one by its name at the top.
    """
    all_entries = list(entries)
    markers = {
        posixpath.dirname(e.path): e
        for e in all_entries
        if MARKER.match(posixpath.basename(e.path)) and posixpath.dirname(e.path)
    }
    inside: dict[str, list[Entry]] = {}
    for entry in all_entries:
        folder = posixpath.dirname(entry.path)
        while folder and folder not in markers:
            folder = posixpath.dirname(folder)
        inside.setdefault(folder or entry.path.partition("/")[0], []).append(entry)
    found = [
        Delivered(path, tuple(sorted(some, key=lambda e: e.path)), markers.get(path))
        for path, some in inside.items()
    ]
    return sorted(found, key=lambda one: one.order)


@dataclass
class Patience:
    """Knows since when what an inbox holds has been as it is. Times are seconds of `clock`."""

    settle: float
    """A marker must have been as it is for so long: a file that is being written is seen early."""
    quiet: float | None
    """So long nothing may have changed in what has no marker; None: a marker is waited for."""
    clock: Callable[[], float]
    _since: dict[str, tuple[str, float]] = field(default_factory=dict)

    def sort(self, batches: Iterable[Delivered]) -> "Sorted":
        """Which to take in now, in order, and what the others wait for."""
        now = self.clock()
        found = Sorted()
        known = {}
        for batch in batches:
            fingerprint = batch.fingerprint
            before, since = self._since.get(batch.path, ("", now))
            if before != fingerprint:
                since = now
            known[batch.path] = (fingerprint, since)
            needed = self.settle if batch.marker is not None else self.quiet
            if needed is None:
                found.waiting[batch.path] = "no BatchComplete_ yet: it is still being delivered"
            elif now - since < needed:
                found.waiting[batch.path] = f"it changed less than {needed:g} seconds ago"
                found.is_soon = True
            else:
                found.ready.append(batch)
        self._since = known
        return found


@dataclass
class Sorted:
    """What an inbox holds, by whether it is ready."""

    ready: list[Delivered] = field(default_factory=list)
    """In the order in which to take them in."""
    waiting: dict[str, str] = field(default_factory=dict)
    """Path → what it waits for."""
    is_soon: bool = False
    """Some of them only need time."""
