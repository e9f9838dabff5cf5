"""Taking in one batch: planned, taken in, answered, moved; each step goes on where it was killed.

    waiting ─▶ taking ─▶ acknowledged ─▶ done

That a batch was begun, and with which messages, is kept before the first is taken in. A message is
taken in in the transaction that notes it, so it never is twice. Answers are files whose names and
bytes follow from what is kept, so that one that is written again is the same one.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import structlog

from adapters.ingestion import batches, manifests
from adapters.ingestion.inbox import acknowledgement, state
from adapters.ingestion.inbox.listing import Delivered
from adapters.ingestion.inbox.state import BatchHeader, BatchRow, Planned
from adapters.ingestion.inbox.store import DONE, Entry, Store
from adapters.ingestion.ingest import Options, take
from adapters.ingestion.manifests import Entry as Named
from adapters.ingestion.manifests import Manifest
from adapters.ingestion.report import FileReport, NoWatch, Rejected
from adapters.ingestion.sources import (
    Source,
    is_archive,
    is_named_like_input,
    open_archive,
    recognise,
)
from domain.failures import Unusable

log = structlog.get_logger("inbox")

FETCHED_AT_ONCE = 200
"""Messages that lie on our disk at a time; answers that are written at a time."""
_MESSAGE_ID = re.compile(rb"<(?:[\w.-]+:)?MessageId>\s*([^<]+?)\s*<")
_HEAD = 1 << 16


@dataclass(frozen=True)
class Receiving:
    """How to take in, and from where."""

    store: Store
    connection: psycopg.Connection
    options: Options = field(default_factory=Options)
    ourselves: str | None = None
    """Our DPID, as the sender of answers; None: whom the manifest names as recipient."""
    keeps: bool = False
    """Leave batches where they are once they are taken in."""
    is_stopped: Callable[[], bool] = lambda: False

    def plan(self, delivered: Delivered) -> BatchRow:
        """Begin with a batch: see what it should hold and keep that.

        Raises Unusable where its manifest can't be read (yet): nothing was begun.
        """
        manifest = self._manifest(delivered)
        entries = {delivered.relative(entry): entry for entry in delivered.entries}
        wanted = {
            path: entry
            for path, entry in entries.items()
            if entry is not delivered.marker and is_named_like_input(posixpath.basename(path))
        }
        name = posixpath.basename(delivered.path)
        found = manifests.compare(manifest, wanted, entries, name)
        ordered = [*found.named, *sorted(set(wanted) - set(found.named))]
        delivery = state.next_delivery(self.connection, self.store.name, delivered.path)
        used: set[str] = set()
        messages = [
            self._planned(delivered, delivery, path, entries[path], found.named.get(path), used)
            for path in ordered
        ]
        missing = {n.url.strip().lstrip("./") or "a message without URL": n for n in found.missing}
        messages += [
            Planned(
                path=path,
                message_id=named.message_id,
                acknowledgement=_answer_name(delivered.path, delivery, path, used),
                why_not=batches.why_missing(named),
                status="missing",
            )
            for path, named in missing.items()
            if path not in entries
        ]
        told = BatchHeader(
            sender=manifest.sender.dpid,
            sender_name=manifest.sender.name,
            recipient=manifest.recipient.dpid,
            choreography=manifest.version,
            is_test=manifest.is_test,
            notes=found.notes,
        )
        return state.begin(
            self.connection, self.store.name, delivered.path, delivered.fingerprint, told, messages
        )

    def go_on(self, batch: BatchRow, delivered: Delivered | None) -> bool:
        """Bring a batch that was begun to its end; False where we were stopped before.

        `delivered`: what the inbox holds of it now; None: nothing any more.
        """
        if batch.status == "taking":
            if not self._take(batch, delivered) or not self._answer(batch):
                return False
            state.note_status(self.connection, batch, "acknowledged")
        if not self.keeps:
            again = f".{batch.delivery}" if batch.delivery > 1 else ""
            self.store.move(batch.path, f"{DONE}/{batch.path}{again}")
        state.note_status(self.connection, batch, "done")
        refused = state.refused(self.connection, batch)
        log.info("batch done", inbox=self.store.name, batch=batch.path, refused=refused)
        return True

    def _manifest(self, delivered: Delivered) -> Manifest:
        if delivered.marker is None:
            return Manifest(is_bare=True)
        with TemporaryDirectory(prefix="catalog-inbox-") as folder:
            file = Path(folder) / "manifest"
            if self.store.fetch({delivered.marker.path: file}):
                raise Unusable("its manifest is gone, or closed to us")
            return manifests.read(file.read_bytes())

    def _planned(
        self,
        delivered: Delivered,
        delivery: int,
        path: str,
        entry: Entry,
        named: Named | None,
        used: set[str],
    ) -> Planned:
        most = self.options.most_message_bytes
        is_refused = entry.size > most and path.lower().endswith(".xml")
        why_not = f"{entry.size} bytes are more than the limit of {most}"
        return Planned(
            path=path,
            message_id=None if named is None else named.message_id,
            acknowledgement=_answer_name(delivered.path, delivery, path, used),
            why_not=why_not if is_refused else None,
            status="refused" if is_refused else "planned",
        )

    def _take(self, batch: BatchRow, delivered: Delivered | None) -> bool:
        todo = state.planned(self.connection, batch)
        if not todo:
            return True
        here = {} if delivered is None else {delivered.relative(e): e for e in delivered.entries}
        manifest = Manifest(is_bare=True)
        if delivered is not None:
            try:
                manifest = self._manifest(delivered)
            except Unusable:
                log.warning("the manifest changed under way", batch=batch.path)
        folder_name = posixpath.basename(batch.path)
        found = manifests.compare(manifest, here, (), folder_name)
        judged = _Judged(batch, replace(manifest, is_test=batch.is_test), found, here)
        for some in _chunks(todo, FETCHED_AT_ONCE):
            with TemporaryDirectory(prefix="catalog-inbox-") as folder:
                files = {path: Path(folder) / str(n) for n, path in enumerate(some)}
                wanted = {here[path].path: files[path] for path in some if path in here}
                absent = self.store.fetch(wanted) if wanted else set()
                for path in some:
                    if self.is_stopped():
                        return False
                    if path not in here or here[path].path in absent:
                        report = FileReport(path, "unknown", "missing")
                        report.reject(
                            Rejected(None, "it was gone, or closed to us, when it was its turn")
                        )
                        state.record(self.connection, batch, path, report)
                    else:
                        self._take_one(batch, path, files[path], Path(folder), judged)
        return True

    def _take_one(
        self, batch: BatchRow, path: str, file: Path, folder: Path, judged: "_Judged"
    ) -> None:
        name = f"{self.store.name}/{batch.path}"
        source = recognise(file, name if judged.is_alone(path) else f"{name}/{path}")
        if is_archive(source):
            self._take_archive(batch, path, source, folder)
            return
        if source.layout is not None:  # a transaction a chunk, and what was done is skipped
            report = take(self.connection, source, self.options, NoWatch())
            state.record(self.connection, batch, path, report, source.sha256)
            return
        with self.connection.transaction():
            context = judged.context(source, name)
            report = take(self.connection, source, self.options, NoWatch(), context)
            number = _message_id(source)
            state.record(self.connection, batch, path, report, source.sha256, number)

    def _take_archive(self, batch: BatchRow, path: str, archive: Source, folder: Path) -> None:
        """What an archive holds, as one message of the batch: it is answered as a whole."""
        spool = folder / f"{archive.path.name}-members"
        spool.mkdir()
        found, passed = open_archive(archive, spool)
        grouped = batches.group(found, passed)
        whole = FileReport(archive.name, "archive")
        for one in passed:
            if one.why_not is not None:
                whole.reject(Rejected(None, f"{one.name}: {one.why_not}"))
        for held in grouped.batches:
            for entry in held.found.missing:
                whole.reject(Rejected(None, batches.why_missing(entry)))
        for source in sorted(found, key=lambda s: s.order):
            if source.is_manifest:
                continue
            report = take(
                self.connection, source, self.options, NoWatch(), grouped.of.get(source.name)
            )
            whole.rows += report.rows
            whole.flagged += report.flagged
            whole.notes += [f"{source.name}: {note}" for note in report.notes][:20]
            for rejected in report.rejected:
                whole.reject(Rejected(None, f"{source.name}: {rejected.reason}"))
        if whole.quarantined:
            whole.status = "quarantined"
        state.record(self.connection, batch, path, whole, archive.sha256)

    def _answer(self, batch: BatchRow) -> bool:
        while answers := state.unanswered(self.connection, batch, self.ourselves, FETCHED_AT_ONCE):
            if self.is_stopped():
                return False
            self.store.write({one.name: acknowledgement.write(one) for one in answers})
            state.note_answered(self.connection, batch, [one.path for one in answers])
        return True


@dataclass(frozen=True)
class _Judged:
    """A batch's manifest, for judging its messages one by one."""

    row: BatchRow
    manifest: Manifest
    found: manifests.Found
    here: dict[str, Entry]

    def is_alone(self, path: str) -> bool:
        """Whether the batch is a file that came alone."""
        return path in self.here and self.here[path].path == self.row.path

    def context(self, source: Source, folder: str) -> batches.Batch:
        """The batch as `ingest.take` wants it."""
        marker = replace(source, name=f"{folder}/BatchComplete_")
        return batches.Batch(marker, self.manifest, self.found, self.here.keys())


def _answer_name(batch: str, delivery: int, path: str, used: set[str]) -> str:
    """A name of its own for each message of a batch."""
    name = wanted = acknowledgement.file_name(batch, delivery, path)
    number = 1
    while name in used:
        number += 1
        name = f"{wanted.removesuffix('.xml')}_{number}.xml"
    used.add(name)
    return name


def _message_id(source: Source) -> str | None:
    with source.open() as stream:
        match = _MESSAGE_ID.search(stream.read(_HEAD))
    return match[1].decode(errors="replace") if match else None


def _chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
