"""Taking in whatever is named: each input is recognised, and what became of it is reported."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import psycopg

from adapters.ingestion import batches, sources
from adapters.ingestion.batches import Batch
from adapters.ingestion.ern import ingest as ern
from adapters.ingestion.feeds import ingest as feeds
from adapters.ingestion.feeds.columns import Terms
from adapters.ingestion.master import messages
from adapters.ingestion.master.writer import is_of_the_rows
from adapters.ingestion.report import FileReport, NoWatch, Rejected, Summary, Watch
from adapters.ingestion.sources import Passed, Source
from domain.failures import Failure, Unavailable, reason_of


@dataclass(frozen=True)
class Options:
    """How to take in."""

    terms: Terms = field(default_factory=Terms)
    again: bool = False
    """Take in what was taken in before, too."""
    most_message_bytes: int = 50 << 20
    """Greater ERN messages are refused."""
    only_batches: bool = False
    """Leave alone what no manifest completes: it is still being delivered."""


Connect = Callable[[], AbstractContextManager[psycopg.Connection]]
"""Opens a connection to the master database, in autocommit mode."""


def ingest(
    connect: Connect,
    paths: Iterable[str],
    options: Options | None = None,
    watch: Watch | None = None,
    standard_input: BinaryIO | None = None,
) -> Summary:
    """Take in files, folders, archives and `-` into the master catalog.

    A feed is a transaction a chunk, an ERN message one transaction. What can't be taken in is in
    the quarantine table and in the summary; it never hinders the rest. Content that was taken in
    before is left alone (status `known`) unless `options.again`. Batches are held against their
    manifests.

    Raises WrongUsage for paths that can't be read, Failure when the database fails.
    """
    options = options or Options()
    watch = watch or NoWatch()
    with TemporaryDirectory(prefix="catalog-ingest-", ignore_cleanup_errors=True) as spool:
        found, passed = sources.gather(paths, Path(spool), standard_input)
        grouped = batches.group(found, passed)
        summary = Summary([_passed(one) for one in passed])
        summary.files += [_judged(batch) for batch in grouped.batches]
        with failing_as_failure(), connect() as connection:
            for source in found:
                if source.is_manifest:
                    continue
                watch.begin(source.name, source.size)
                batch = grouped.of.get(source.name)
                if batch is None and options.only_batches:
                    report = _incomplete(source)
                else:
                    report = take(connection, source, options, watch, batch)
                summary.files.append(report)
                watch.end(report)
    return summary


@contextmanager
def failing_as_failure() -> Iterator[None]:
    """Failures of the master database as ours. Raises Failure."""
    try:
        yield
    except psycopg.errors.UndefinedTable as error:
        raise Failure(
            "the master database has no catalog tables yet: run `catalog migrate`"
        ) from error
    except psycopg.Error as error:
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise Failure(f"the master database failed (CATALOG_MASTER__URL): {said}") from error


def take(
    connection: psycopg.Connection,
    source: Source,
    options: Options,
    watch: Watch,
    batch: Batch | None = None,
) -> FileReport:
    """Take in one file, which may be part of a batch, and tell what became of it.

    Whatever its content makes us stumble on puts it in quarantine. Raises Unavailable and
    psycopg.Error for what is no fault of the file.
    """
    report = FileReport(source.name, "unknown")
    try:
        _take(connection, source, options, watch, report, batch)
        if batch is not None and report.status in ("applied", "superseded", "test"):
            notes = batch.notes(source)
            report.notes += notes
            report.flagged += len(notes)
    except OSError as error:
        # It was there a moment ago: say so, and go on with the rest.
        report.status = "quarantined"
        report.reject(Rejected(None, f"can't be read: {error.strerror or error}"))
    except Unavailable:
        raise
    except Exception as error:  # whatever a stranger's file makes us stumble on: the file's fault
        if isinstance(error, psycopg.Error) and not is_of_the_rows(error):
            raise
        ern.set_aside(connection, source, report, reason_of(error))
    return report


def _take(
    connection: psycopg.Connection,
    source: Source,
    options: Options,
    watch: Watch,
    report: FileReport,
    batch: Batch | None,
) -> None:
    if source.layout is not None:
        report.kind = source.layout.kind
        message = feeds.message_id(source, options.terms)
        if not options.again and messages.status_of(connection, message) == "applied":
            _known(connection, source, report)
        else:
            feeds.ingest(connection, source, source.layout, options.terms, report, watch)
    elif source.is_xml:
        is_test = batch is not None and batch.manifest.is_test
        ern.ingest(
            connection, source, report, options.most_message_bytes, options.again, is_test=is_test
        )
    else:
        ern.set_aside(connection, source, report, sources.why_unknown(source))


def _passed(passed: Passed) -> FileReport:
    report = FileReport(passed.name, "unknown", "skipped")
    if passed.why_not is not None:
        report.status = "quarantined"
        report.reject(Rejected(None, passed.why_not))
    return report


def _incomplete(source: Source) -> FileReport:
    report = FileReport(source.name, "unknown", "skipped")
    report.notes.append("no BatchComplete_ beside it: it is still being delivered")
    return report


def _judged(batch: Batch) -> FileReport:
    """What a manifest says, and what it names in vain."""
    report = FileReport(batch.marker.name, "ern-manifest")
    report.rows = len(batch.manifest.entries)
    report.notes += batch.found.notes
    report.flagged += len(batch.found.notes)
    if batch.manifest.is_test:
        report.status = "test"
    for entry in batch.found.missing:
        report.reject(Rejected(None, batches.why_missing(entry)))
    if batch.unreadable is not None:
        report.status = "quarantined"
        report.reject(Rejected(None, batch.unreadable))
    return report


def _known(connection: psycopg.Connection, source: Source, report: FileReport) -> None:
    """Nothing to do; what waits in quarantine from this file is reported again."""
    report.status = "known"
    for line, reason in messages.quarantined(connection, source.sha256):
        report.reject(Rejected(line, reason))
