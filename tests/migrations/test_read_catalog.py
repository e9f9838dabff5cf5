"""The read catalog's migration: it leads to the models, and its views go with their generation."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from migrations import run
from projections.catalog import METADATA
from tests.catalog_rows import write
from tests.databases import READ_CATALOG, Databases

pytestmark = pytest.mark.integration


@pytest.fixture
def catalog_dsn(databases: Databases) -> Iterator[str]:
    dsn = databases.create(READ_CATALOG)
    yield dsn
    databases.drop(dsn)


@pytest.fixture
def catalog(catalog_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(catalog_dsn, autocommit=True) as connection:
        write(connection, "release", {"id": "R", "title": "Album", "status": "active"})
        write(
            connection,
            "track",
            {"id": "T2", "release_id": "R", "disc_number": 1, "track_number": 2, "title": "Two"},
            {"id": "T1", "release_id": "R", "disc_number": 1, "track_number": 1,
             "recording_id": "C"},
            {"id": "T9", "release_id": "elsewhere", "title": "Stray"},
        )  # fmt: skip
        write(connection, "recording", {"id": "C", "title": "One", "duration_ms": 1000})
        yield connection


def test_tables_are_as_the_models_say_and_can_be_undone(database: str) -> None:
    for schema in ("catalog", "catalog_g2"):
        run.upgrade(database, "read_catalog", schema)
        assert run.check(database, schema, METADATA) == []
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE catalog.track DROP COLUMN url")
    assert run.check(database, "catalog", METADATA) != []
    assert run.check(database, "catalog_g2", METADATA) == []


def test_views_go_with_their_generation(catalog_dsn: str, catalog: psycopg.Connection[Any]) -> None:
    run.upgrade(catalog_dsn, "read_catalog", "catalog_g2")
    catalog.execute(
        "BEGIN; ALTER SCHEMA catalog RENAME TO catalog_g1; "
        "ALTER SCHEMA catalog_g2 RENAME TO catalog; COMMIT"
    )
    assert catalog.execute("SELECT count(*) FROM catalog_g1.release_track").fetchone() == (3,)
    assert catalog.execute("SELECT count(*) FROM catalog.release_track").fetchone() == (0,)
    assert run.check(catalog_dsn, "catalog", METADATA) == []
