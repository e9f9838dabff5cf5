"""Taking in whatever is named: each input is recognised, and told what became of it."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import BinaryIO

import psycopg

from adapters.ingestion import sources
from adapters.ingestion.ern import ingest as ern
from adapters.ingestion.feeds import ingest as feeds
from adapters.ingestion.feeds.columns import Terms
from adapters.ingestion.master import messages
from adapters.ingestion.master.writer import is_of_the_rows
from adapters.ingestion.report import FileReport, NoWatch, Rejected, Summary, Watch
from adapters.ingestion.sources import Source
from domain.failures import Failure, Unavailable, reason_of


@dataclass(frozen=True)
class Options:
    """How to take in."""

    terms: Terms = field(default_factory=Terms)
    again: bool = False
    """Take in what was taken in before, too."""
    most_message_bytes: int = 50 << 20
    """Greater ERN messages are refused."""


Connect = Callable[[], AbstractContextManager[psycopg.Connection]]
"""Opens a connection to the master database, in autocommit mode."""


def ingest(
    connect: Connect,
    paths: Iterable[str],
    options: Options | None = None,
    watch: Watch | None = None,
    standard_input: BinaryIO | None = None,
) -> Summary:
    """Take in files, folders and `-` into the master catalog.

    A feed is a transaction a chunk, an ERN message one transaction. What can't be taken in is in
    the quarantine table and in the summary; it never hinders the rest. Content that was taken in
    before is left alone (status `known`) unless `options.again`.

    Raises WrongUsage for paths that can't be read, Failure when the database fails.
    """
    options = options or Options()
    watch = watch or NoWatch()
    found, passed = sources.gather(paths, standard_input)
    summary = Summary([FileReport(p.name, "unknown", "skipped") for p in passed])
    try:
        with connect() as connection:
            for source in found:
                watch.begin(source.name, source.size)
                report = _take(connection, source, options, watch)
                summary.files.append(report)
                watch.end(report)
    except psycopg.errors.UndefinedTable as error:
        raise Failure(
            "the master database has no catalog tables yet: run `catalog migrate`"
        ) from error
    except psycopg.Error as error:
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise Failure(f"the master database failed (CATALOG_MASTER__URL): {said}") from error
    return summary


def _take(
    connection: psycopg.Connection, source: Source, options: Options, watch: Watch
) -> FileReport:
    report = FileReport(source.name, "unknown")
    try:
        if source.layout is not None:
            report.kind = source.layout.kind
            message = feeds.message_id(source, options.terms)
            if not options.again and messages.status_of(connection, message) == "applied":
                return _known(connection, source, report)
            feeds.ingest(connection, source, source.layout, options.terms, report, watch)
        elif source.is_xml:
            ern.ingest(connection, source, report, options.most_message_bytes, options.again)
        else:
            ern.set_aside(connection, source, report, sources.why_unknown(source))
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


def _known(connection: psycopg.Connection, source: Source, report: FileReport) -> FileReport:
    """Nothing to do; what waits in quarantine from this file is told again."""
    report.status = "known"
    for line, reason in messages.quarantined(connection, source.sha256):
        report.reject(Rejected(line, reason))
    return report
