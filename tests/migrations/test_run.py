"""Migrating where it can't be done: one sentence, which names the database."""

import psycopg
import pytest
from psycopg import errors

from domain.failures import Unavailable
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
