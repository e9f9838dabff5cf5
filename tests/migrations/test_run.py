"""Migrating where it can't be done: one sentence, which names the database."""

import psycopg
import pytest
from psycopg import errors

from domain.failures import Misconfigured, Unavailable
from migrations import run


@pytest.mark.parametrize("call", ["upgrade", "current"])
def test_a_database_that_is_away_is_named_and_no_password_told(call: str) -> None:
    with pytest.raises(Unavailable) as raised:
        getattr(run, call)("postgresql://u:secret@127.0.0.1:1/music", "engine", "engine")
    told = str(raised.value)
    assert told.startswith("the database music on 127.0.0.1:1 can't be migrated: ")
    assert "refused" in told.lower()
    assert "secret" not in told
    assert "\n" not in told


def test_a_full_disk_is_no_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(dsn: str) -> None:
        raise errors.DiskFull("could not extend file: No space left on device\nHINT: free some")

    monkeypatch.setattr(psycopg, "connect", full)
    with pytest.raises(Unavailable, match=r"No space left on device$"):
        run.upgrade("postgresql://127.0.0.1:1/x", "engine", "engine")


@pytest.mark.integration
@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("CREATE TABLE label (name text)", "has a table label already"),
        (
            "CREATE TABLE alembic_version (version_num text);"
            " INSERT INTO alembic_version VALUES ('theirs')",
            "of another application",
        ),
    ],
)
def test_a_database_of_somebody_else_is_left_alone(
    database: str, statement: str, what: str
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(statement.encode())
    with pytest.raises(Misconfigured, match=r"isn't ours: take an empty database") as told:
        run.upgrade(database, "master", "public")
    assert what in str(told.value)
    with psycopg.connect(database) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchone() == (1,)
