"""A read catalog of many tracks, made by PostgreSQL itself: ten tracks a release, each with an
ISRC, a format, a download offer and a streaming right."""

from typing import Any

import psycopg

from adapters.read_database.gate import name_generation
from adapters.read_database.late_changes import show_late_changes
from migrations import run

_TABLES = {
    "party": ("name, dpid", "'Party ' || n, 'PADPIDA' || n", "few"),
    "licensor": ("party_id", "'p' || n", "few"),
    "label": ("name, licensor_id, party_id", "'Label ' || n, 'l' || n, 'p' || n", "few"),
    "artist": ("display_name", "'Artist ' || n", "releases"),
    "release": (
        "licensor_id, label_id, artist_id, release_type, title, display_artist, status,"
        " track_count, updated_at",
        "'l' || n % {few}, 'b' || n % {few}, 'a' || n, 'Album',"
        " 'Album ' || md5((n % 5000)::text) || ' ' || n, 'Artist ' || n, 'active', 10,"
        " '2026-01-01Z'::timestamptz + n * interval '1 second'",
        "releases",
    ),
    "recording": (
        "licensor_id, artist_id, kind, title, display_artist, duration_ms",
        "'l' || (n / 10) % {few}, 'a' || n / 10, 'sound', 'Song ' || n, 'Artist ' || n / 10,"
        " 180000 + n % 60000",
        "tracks",
    ),
    "track": (
        "release_id, recording_id, disc_number, track_number",
        "'r' || n / 10, 'c' || n, 1, 1 + n % 10",
        "tracks",
    ),
    "format": (
        "release_id, track_id, codec, bitrate",
        "'r' || n / 10, 't' || n, 'FLAC', 1411",
        "tracks",
    ),
    "identifier": (
        "owner_type, owner_id, scheme, value_raw, value, is_valid",
        "'recording', 'c' || n, 'isrc', v, v, true",
        "tracks",
    ),
    "download_offer": (
        "release_id, track_id, commercial_model, use_type, valid_from, territories, prices",
        "'r' || n / 10, 't' || n, 'PayAsYouGoModel', 'PermanentDownload', '2020-01-01Z',"
        """ ARRAY['GB', 'DE', 'US'], '[{{"amount": "0.99", "currency": "GBP"}}]'""",
        "tracks",
    ),
    "streaming_right": (
        "release_id, track_id, commercial_model, use_type, valid_from, territories",
        "'r' || n / 10, 't' || n, 'SubscriptionModel', 'Stream', '2020-01-01Z',"
        " ARRAY['GB', 'DE', 'US']",
        "tracks",
    ),
}
_LETTERS = {"party": "p", "licensor": "l", "label": "b", "artist": "a", "release": "r",
            "recording": "c", "track": "t"}  # fmt: skip


def fill(dsn: str, tracks: int) -> None:
    """Make and fill schema `catalog`, unless it holds as many tracks already."""
    run.upgrade(dsn, "engine", "engine")
    run.upgrade(dsn, "read_catalog", "catalog")
    with psycopg.connect(dsn, autocommit=True) as connection:
        there = connection.execute("SELECT count(*) FROM catalog.track").fetchone()
        if there == (tracks,):
            return
        connection.execute(
            "INSERT INTO engine.generation (read_model, number, schema_name, phase, purpose) "
            "VALUES ('catalog', 1, 'catalog', 'live', 'serve') ON CONFLICT DO NOTHING"
        )
        name_generation(connection, "catalog", 1)
        show_late_changes(connection, "catalog", "catalog")
        indexes = connection.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index i "
            "JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace s ON s.oid = c.relnamespace "
            "WHERE s.nspname = 'catalog' AND NOT indisprimary"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        counts = {"tracks": tracks, "releases": tracks // 10, "few": max(1, tracks // 10_000)}
        for table, (columns, values, count) in _TABLES.items():
            _fill_table(connection, table, columns, values.format(**counts), counts[count])
        for _, definition in indexes:
            connection.execute(definition)
        connection.execute("VACUUM ANALYZE")


def _fill_table(
    connection: psycopg.Connection[Any], table: str, columns: str, values: str, count: int
) -> None:
    connection.execute(f"TRUNCATE catalog.{table}")
    connection.execute(
        f"INSERT INTO catalog.{table} (id, event_id, event_partition, event_offset, {columns}) "
        f"SELECT '{_LETTERS.get(table, 'x')}' || n, 'master.public.x/0/' || n || '/0', n % 4, n, "
        f"{values} FROM (SELECT n, 'USABC' || lpad(n::text, 7, '0') AS v "
        f"FROM generate_series(0, {count - 1}) n) made"
    )
