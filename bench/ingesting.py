"""Ingestion of ERN messages into the master catalog, beside parsing alone and COPY alone."""

from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql

from adapters.ingestion.ern.document import parse
from adapters.ingestion.ern.message import read
from adapters.ingestion.ern.rows import Row
from adapters.ingestion.ingest import Options, ingest
from adapters.ingestion.master.frames import frame_of
from adapters.ingestion.master.writer import as_csv
from adapters.ingestion.report import Summary
from bench import messages
from bench.figures import Figure
from bench.measuring import Clock, Measured, measured
from bench.stage import Stage
from migrations import run as migrations

CASE = "ingestion"
MESSAGES = "messages taken in"
PARSING = "parsing alone"
COPYING = "COPY alone"
GIANT_TRACKS, GIANT_TERRITORIES = 2_000, 250
_MOST_BYTES = 1 << 30


def run(stage: Stage) -> list[Figure]:
    """Albums of a dozen tracks; then one message of 2,000 tracks × 250 territories."""
    count = stage.scale.messages
    with TemporaryDirectory(prefix="catalog-bench-") as temporary:
        folder = Path(temporary)
        paths = messages.write_albums(folder, count)
        parsed = measured(parse_all, paths)
        with stage.database("copy_messages") as dsn:
            migrations.upgrade(dsn, "master", "public")
            copied = measured(copy_all, dsn, paths)
        with stage.database("ingestion") as dsn:
            migrations.upgrade(dsn, "master", "public")
            taken = measured(take_all, dsn, paths)
        giant = messages.write_giant(folder, GIANT_TRACKS, GIANT_TERRITORIES)
        with stage.database("giant") as dsn:
            migrations.upgrade(dsn, "master", "public")
            large = measured(take_all, dsn, [giant])
        megabytes = giant.stat().st_size / 1e6
    tracks = count * messages.TRACKS
    what = f"one message, {GIANT_TRACKS:,} tracks × {GIANT_TERRITORIES} territories"
    return [
        _figure(MESSAGES, "tracks/s", tracks, taken, f"{taken.rate(count):,.0f} messages/s"),
        _figure(PARSING, "tracks/s", tracks, parsed, "XML into a tree"),
        _figure(COPYING, "tracks/s", tracks, copied, "all tables' rows, with their keys"),
        _figure(what, "tracks/s", GIANT_TRACKS, large, f"{megabytes:.0f} MB of XML"),
    ]


def parse_all(clock: Clock, paths: list[Path]) -> None:
    """Each message into a tree."""
    clock.start()
    for path in paths:
        parse(path.read_bytes(), _MOST_BYTES)
    clock.stop()


def copy_all(clock: Clock, dsn: str, paths: list[Path]) -> None:
    """COPY of all rows of all messages, ready, into the master's tables: a COPY a table."""
    rows: dict[str, dict[str, Row]] = {}
    for path in paths:
        said = read(path.read_bytes(), _MOST_BYTES)
        for part in (said.parties, *(statement.rows for statement in said.statements)):
            for table in part:
                rows.setdefault(table, {}).update({str(r["id"]): r for r in part.of(table)})
    frames = {table: frame_of(table, list(found.values())) for table, found in rows.items()}
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        clock.start()
        for table, frame in frames.items():
            statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL '\\N')").format(
                sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, frame.columns))
            )
            with cursor.copy(statement) as into:
                into.write(as_csv(frame))
        connection.commit()
        clock.stop()


def take_all(clock: Clock, dsn: str, paths: list[Path]) -> None:
    """What `catalog ingest` does."""
    clock.start()
    summary: Summary = ingest(
        lambda: psycopg.connect(dsn, autocommit=True),
        [str(path) for path in paths],
        Options(most_message_bytes=_MOST_BYTES),
    )
    clock.stop()
    if refused := [file for file in summary.files if file.status != "applied"]:
        raise RuntimeError(f"{len(refused)} messages were not applied: {refused[0]}")


def _figure(name: str, unit: str, count: int, done: Measured, note: str) -> Figure:
    return Figure(
        CASE,
        name,
        unit,
        done.rate(count),
        seconds=done.seconds,
        peak_mb=done.peak_mb,
        size=count,
        note=note,
    )
