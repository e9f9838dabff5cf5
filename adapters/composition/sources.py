"""A foreign master from its folder to a live source: guessed, checked, shown, applied, removed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import psycopg

from adapters.composition import foreign_databases, wiring
from adapters.composition import source_capture as capture
from adapters.composition.databases import master_connection
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.event_log.registry import Registry
from adapters.source import folder, guess, inspection, lifecycle, register, replica
from adapters.source.definition import Source
from adapters.source.inspection import Columns, Disagreement, Finding
from adapters.source.mapping import MasterMapping
from adapters.source.replicator import Overtaken
from domain.failures import NotMigrated, Refused, Unhealthy

MOST_LOOKED_AT = 100_000
"""Rows of a table that a look before anything is applied takes."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")  # a key of TOML that needs no quotes
_PAUSE = 0.5
_STILL_SECONDS = 300.0
"""A first load that gets nothing for so long, before its snapshot is over, has failed."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Applied:
    """What came of applying a source."""

    rows: int
    """Changes and rows of the source that were taken in."""
    written: Counter[str]
    """Master rows that changed, by table and kind."""
    unusable: int


@dataclass(frozen=True)
class Verified:
    """What a source, its replica and the master tables say of each other."""

    disagreements: list[Disagreement]
    """Between a whole evaluation and the master tables."""
    replica: Mapping[str, int]
    """Table → rows among which some differ from the source's own."""
    is_compared: bool
    """Whether the source's own tables could be asked."""


def initialise(settings: Settings, name: str, schema: str, into: Path) -> list[Path]:
    """Write a folder with a first guess of a source's mapping; returns its files.

    Raises Refused where the folder holds one already, Misconfigured, Unavailable.
    """
    if (into / folder.SETTINGS).exists():
        raise Refused(f"{into} holds a {folder.SETTINGS} already: name another folder")
    connector, database, there = foreign_databases.tables(settings, name, schema)
    found = guess.guess(there, name)
    place = f'schema = "{schema}"' if connector == "postgresql" else f'database = "{database}"'
    lines = [f'name = "{name}"', f'connector = "{connector}"', place, ""]
    for table in found.tables.values():
        key = ", ".join(f'"{column}"' for column in table.original_key or table.key)
        named = table.original or table.name
        lines.append(f"[tables.{named if _BARE.fullmatch(named) else json.dumps(named)}]")
        lines.append(f"key = [{key}]")
    into.mkdir(parents=True, exist_ok=True)
    written = [into / folder.SETTINGS]
    written[0].write_text("\n".join(lines) + "\n", encoding="utf-8")
    for master, text in found.files.items():
        written.append(into / f"{master}.sql")
        written[-1].write_text(text, encoding="utf-8")
    return written


@contextmanager
def _looking(
    settings: Settings, endpoints: Endpoints, source: Source
) -> Iterator[tuple[psycopg.Connection, Columns, list[str]]]:
    """The master with the source's rows in its replica, all of it rolled back at the end.

    Where the source isn't applied and its database can be reached, some of its rows are taken.
    Yields the columns, and what was cut.
    """
    columns = foreign_databases.columns_of(settings, source)
    with (
        master_connection(endpoints.master_dsn, "look") as master,
        master.transaction(force_rollback=True),
    ):
        _require_master(master)
        is_new = register.find(master, source.name) is None
        replica.create(master, source, columns)
        cut: list[str] = []
        if is_new:
            cut = foreign_databases.copy_rows(settings, master, source, MOST_LOOKED_AT)
            master.execute("ANALYZE")
        yield master, columns, cut


def check(settings: Settings, endpoints: Endpoints, source: Source) -> list[Finding]:
    """What is wrong with a source, or costly, before anything is touched.

    Raises Misconfigured, Unavailable.
    """
    faults = foreign_databases.faults(settings, source)
    found = [Finding("error", source.name, text) for text in faults]
    if not source.exactly_once:
        found.append(
            Finding("warning", source.name, "exactly_once = false: changes may come twice")
        )
    with _looking(settings, endpoints, source) as (master, columns, cut):
        found += inspection.check(master, source, columns)
        found += [
            Finding("note", table, f"only its first {MOST_LOOKED_AT:,} rows were looked at")
            for table in cut
        ]
    return found


def preview(
    settings: Settings, endpoints: Endpoints, source: Source, masters: Sequence[str], limit: int
) -> dict[str, list[inspection.Previewed]]:
    """Master table → some rows that its mapping gives, and the events they would make.

    Raises Misconfigured, Refused where there is no such mapping, Unusable, Unavailable.
    """
    if unknown := set(masters) - source.mappings.keys():
        raise Refused(f"{source.name} has no mapping {sorted(unknown)[0]}.sql")
    with _looking(settings, endpoints, source) as (master, columns, _):
        mappings = lifecycle.prepared(source, columns)
        return {
            m.master: inspection.preview(master, source, m, limit)
            for m in mappings
            if m.master in masters or not masters
        }


def apply(
    settings: Settings,
    endpoints: Endpoints,
    files: Mapping[str, str],
    source: Source,
    report: Report,
) -> Applied:
    """Bring a source up, or what changed of it: replica, capture, load; it is live then.

    May be repeated after a kill: what was done stays done. Raises Refused where `check` finds an
    error, or a record can't be read; Misconfigured, Unavailable, Unhealthy.
    """
    errors = [f for f in check(settings, endpoints, source) if f.severity == "error"]
    if errors:
        raise Refused("; ".join(f"{f.where}: {f.text}" for f in errors))
    columns = foreign_databases.columns_of(settings, source)
    with master_connection(endpoints.master_dsn, "apply") as master:
        brought = lifecycle.bring_up(master, source, columns, files)
        report(f"replica: {len(source.tables)} tables in {source.replica}")
        capture.prepare_capture(settings, endpoints, source, report)
        for table in brought.grown:
            capture.recapture(endpoints, source, table)
            report(f"{table} has new columns: its rows are captured once more")
        with capture.schemas(endpoints, source) as schemas:
            loading = _Loading(settings, endpoints, master, source, schemas)
            rows = _load(loading, brought.mappings, report)
        report("evaluating the mappings")
        written = lifecycle.settle(master, source, brought.mappings)
        register.set_state(master, source, register.LIVE)
        unusable = sum(lifecycle.unusable(master, source).values())
    return Applied(rows, written, unusable)


@dataclass(frozen=True)
class _Loading:
    settings: Settings
    endpoints: Endpoints
    master: psycopg.Connection
    source: Source
    schemas: Registry | None


def _load(loading: _Loading, mappings: Sequence[MasterMapping], report: Report) -> int:
    """Take in what the topics hold, until the snapshot is over and nothing is left."""
    settings, endpoints, source = loading.settings, loading.endpoints, loading.source
    master = loading.master
    log = wiring.event_log(settings, endpoints)
    rows, heard = 0, monotonic()
    while True:
        is_done = capture.is_snapshot_done(settings, endpoints, source)
        try:
            taken = lifecycle.catch_up(
                master, source, mappings, log, loading.schemas, _counting(report, rows)
            )
        except Overtaken:  # who followed it is about to leave
            sleep(_PAUSE)
            continue
        if taken.stopped:
            reasons = "; ".join(f"{t}/{p}: {why}" for (t, p), why in taken.stopped.items())
            register.stop(master, source, reasons)
            raise Refused(f"{source.name} can't be read: {reasons}")
        rows += taken.rows
        if taken.rows:
            heard = monotonic()
        elif is_done:
            return rows
        elif monotonic() - heard > _STILL_SECONDS:
            raise Unhealthy(
                f"nothing came of {source.name} for {_STILL_SECONDS:.0f} s, and its snapshot isn't"
                f" over: look at the connector {capture.connector_name(settings, source)}, then"
                " apply again"
            )
        else:
            sleep(_PAUSE)


def _counting(report: Report, before: int) -> Callable[[int], None]:
    return lambda now: report(f"{before + now:,} rows")


def verify(settings: Settings, endpoints: Endpoints, name: str) -> Verified:
    """Hold a whole evaluation against the master tables, and the replica against the source.

    What differs while changes are under way is asked again. Raises WrongUsage, Unavailable.
    """
    with master_connection(endpoints.master_dsn, "verify") as master:
        source = register.known(master, name).source
        mappings = lifecycle.applied(
            master, source, lifecycle.prepared(source, lifecycle.replicated(master, source))
        )
        found = inspection.verify(master, source, mappings)
        with foreign_databases.comparing(settings, source) as differing:
            if differing is None:
                return Verified(found, {}, is_compared=False)
            rows = {table: differing(master, table) for table in source.tables}
            for _ in range(20):
                rows = {table: count for table, count in rows.items() if count}
                if not rows:
                    break
                sleep(_PAUSE)
                rows = {table: differing(master, table) for table in rows}
    return Verified(found, {t: count for t, count in rows.items() if count}, is_compared=True)


def remove(settings: Settings, endpoints: Endpoints, name: str, report: Report) -> Counter[str]:
    """Take a source away: its capture and topics, its rows in the master tables, its replica.

    Raises WrongUsage where none is applied, ConnectProblem, Unavailable.
    """
    with master_connection(endpoints.master_dsn, "remove") as master:
        source = register.known(master, name).source
        register.set_state(master, source, register.LOADING)  # nobody follows it any more
        capture.end_capture(settings, endpoints, source, report)
        return lifecycle.remove(master, source)


def of_folder(where: Path) -> tuple[dict[str, str], Source]:
    """A source's files, and what they define. Raises Misconfigured."""
    files = folder.read_files(where)
    return files, folder.parse(files, where.resolve().name)


def _require_master(master: psycopg.Connection) -> None:
    there = master.execute("SELECT to_regclass(%s)", ("release",)).fetchone()
    if there == (None,):
        raise NotMigrated
