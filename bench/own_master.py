"""A house's own master: the first load, steady changes, and a parent with 100,000 children.

The floor is what PostgreSQL alone takes: INSERT … SELECT of the same statement, over tables that
are there already.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg import sql

from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.composition.wiring import event_log
from adapters.event_log.producer import producer
from adapters.event_log.topic_plans import TopicPlan
from adapters.event_log.topics import Topics
from adapters.source import lifecycle
from adapters.source.folder import parse
from bench.figures import Figure
from bench.measuring import Clock, Measured, measured
from bench.stage import Stage
from bench.translating import instant, produce
from migrations import run as migrations

CASE = "own-master"
LOADING = "first load, a join of three tables"
STEADY = "steady changes, one table to one"
FAN_OUT = "a parent that fans out"
INSERTING = "INSERT … SELECT of the same join"
_PER_ALBUM = 12
_NARROW = {
    "source.toml": 'name = "bench"\ntopics = "bench.house"\n'
    "[tables.imprint]\nkey = ['id']\n[tables.imprint.columns]\nid = 'bigint'\nname = 'text'\n",
    "label.sql": "SELECT 'b-' || id AS id, name FROM imprint",
}
_JOINED = {
    "source.toml": 'name = "bench"\ntopics = "bench.house"\n'
    "[tables.act]\nkey = ['id']\n[tables.act.columns]\nid = 'bigint'\nname = 'text'\n"
    "[tables.album]\nkey = ['id']\n"
    "[tables.album.columns]\nid = 'bigint'\ntitle = 'text'\nact = 'bigint'\n"
    "[tables.song]\nkey = ['id']\n[tables.song.columns]\nid = 'bigint'\nalbum = 'bigint'\n"
    "title = 'text'\nplace = 'integer'\nms = 'integer'\n",
    "track.sql": "SELECT 'b-' || s.id AS id, 'b-r-' || a.id AS release_id, s.title,"
    " c.name AS display_artist, s.place AS track_number, s.ms AS duration_ms"
    " FROM song s JOIN album a ON a.id = s.album JOIN act c ON c.id = a.act",
}
Rows = dict[str, list[dict[str, Any]]]


def run(stage: Stage) -> list[Figure]:
    """Three sources, each in a database of its own."""
    songs = stage.scale.events
    fan = min(100_000, songs)
    return [
        *_loading(stage, _catalog(songs, songs // _PER_ALBUM)),
        _steady(stage, stage.scale.messages * 50),
        _fanning_out(stage, _catalog(fan, 1), fan),
    ]


def _loading(stage: Stage, rows: Rows) -> list[Figure]:
    count = sum(map(len, rows.values()))
    _write(stage, rows)
    with stage.database("own_master") as dsn:
        migrations.upgrade(dsn, "master", "public")
        loaded = measured(load, dsn, stage.settings, stage.endpoints, _JOINED)
        inserted = measured(insert_select, dsn)
    return [
        _figure(LOADING, count, loaded, "source rows, from JSON on topics to the master's table"),
        _figure(INSERTING, count, inserted, "of the replica's tables, into an empty table"),
    ]


def _steady(stage: Stage, changes: int) -> Figure:
    first = {"imprint": [{"id": n, "name": f"Imprint {n}"} for n in range(1_000)]}
    _write(stage, first)
    with stage.database("own_master_steady") as dsn:
        migrations.upgrade(dsn, "master", "public")
        measured(load, dsn, stage.settings, stage.endpoints, _NARROW)
        again = [{"id": n % 1_000, "name": f"Renamed {n}"} for n in range(changes)]
        _write(stage, {"imprint": again}, "u", first=1_000)
        done = measured(follow, dsn, stage.settings, stage.endpoints, _NARROW)
    return _figure(STEADY, changes, done, "updates, each read, deduplicated, written")


def _fanning_out(stage: Stage, rows: Rows, children: int) -> Figure:
    _write(stage, rows)
    with stage.database("own_master_fan") as dsn:
        migrations.upgrade(dsn, "master", "public")
        measured(load, dsn, stage.settings, stage.endpoints, _JOINED)
        renamed = {"act": [{"id": 0, "name": "Renamed"}]}
        _write(stage, renamed, "u", first=sum(map(len, rows.values())))
        done = measured(follow, dsn, stage.settings, stage.endpoints, _JOINED)
        with psycopg.connect(dsn) as connection:
            found = connection.execute(
                "SELECT count(*) FROM track WHERE display_artist = 'Renamed'"
            ).fetchone()
    if found != (children,):
        raise RuntimeError(f"{found} of {children} children were renamed")
    return _figure(FAN_OUT, children, done, "one renamed artist, and the tracks that show it")


def load(clock: Clock, dsn: str, settings: Settings, at: Endpoints, files: dict[str, str]) -> None:
    """What `catalog source apply` does after the connector's snapshot."""
    source = parse(files, "bench")
    columns = {table.name: table.columns for table in source.tables.values()}
    with psycopg.connect(dsn, autocommit=True) as master:
        brought = lifecycle.bring_up(master, source, columns, files)
        log = event_log(settings, at)
        clock.start()
        taken = lifecycle.catch_up(master, source, brought.mappings, log)
        lifecycle.settle(master, source, brought.mappings)
        clock.stop()
    if taken.stopped:
        raise RuntimeError(str(taken.stopped))


def follow(
    clock: Clock, dsn: str, settings: Settings, at: Endpoints, files: dict[str, str]
) -> None:
    """What a live source does with the records that came."""
    source = parse(files, "bench")
    with psycopg.connect(dsn, autocommit=True) as master:
        mappings = lifecycle.prepared(source, lifecycle.replicated(master, source))
        log = event_log(settings, at)
        clock.start()
        taken = lifecycle.catch_up(master, source, mappings, log)
        clock.stop()
    if taken.stopped or not taken.rows:
        raise RuntimeError(f"{taken.rows} rows, stopped: {taken.stopped}")


def insert_select(clock: Clock, dsn: str) -> None:
    """The statement of the mapping, by PostgreSQL alone, into a table like the master's."""
    source = parse(_JOINED, "bench")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE peer (LIKE track INCLUDING ALL)")
        connection.execute(
            sql.SQL("SET search_path = {}, public").format(sql.Identifier(source.replica))
        )
        clock.start()
        connection.execute(
            "INSERT INTO peer (id, release_id, title, display_artist, track_number, duration_ms)"
            f" {_JOINED['track.sql']}".encode()
        )
        clock.stop()


def _catalog(songs: int, albums: int) -> Rows:
    acts = max(albums // 5, 1)
    return {
        "act": [{"id": n, "name": f"Act {n}"} for n in range(acts)],
        "album": [{"id": n, "title": f"Album {n}", "act": n % acts} for n in range(albums)],
        "song": [
            {
                "id": n,
                "album": n % albums,
                "title": f"Song {n}",
                "place": 1 + n // albums,
                "ms": 180_000,
            }
            for n in range(songs)
        ],
    }


def _write(stage: Stage, rows: Rows, operation: str = "r", first: int = 0) -> None:
    """Debezium's records of the rows, on the tables' topics; new topics unless there are some."""
    names = [f"bench.house.public.{table}" for table in rows]
    topics = Topics(stage.endpoints.kafka)
    if operation == "r":
        topics.delete([name for name in topics.names() if name.startswith("bench.house.")])
        plans = [f"bench.house.public.{table}" for table in ("act", "album", "song", "imprint")]
        topics.apply([TopicPlan(name, 1) for name in plans])
    client = producer(stage.endpoints.kafka)
    for name, (table, images) in zip(names, rows.items(), strict=True):
        for key, value in _records(table, images, operation, first):
            produce(client, name, key, value)
        first += len(images)
    client.flush(60)


def _records(
    table: str, images: Sequence[dict[str, Any]], operation: str, first: int
) -> Iterator[tuple[bytes, bytes]]:
    for number, image in enumerate(images, first + 1):
        value = (
            f'{{"before":null,"after":{json.dumps(image)},"source":{{"connector":"postgresql",'
            f'"name":"house","snapshot":"false","db":"house","schema":"public","table":"{table}",'
            f'"sequence":"[\\"{number}\\",\\"{number}\\"]","txId":{number},"lsn":{number},'
            f'{instant(number)}}},"transaction":null,"op":"{operation}",{instant(number)}}}'
        )
        yield f'{{"id":{image["id"]}}}'.encode(), value.encode()


def _figure(name: str, count: int, done: Measured, note: str) -> Figure:
    return Figure(
        CASE,
        name,
        "rows/s",
        done.rate(count),
        seconds=done.seconds,
        peak_mb=done.peak_mb,
        size=count,
        note=note,
    )
