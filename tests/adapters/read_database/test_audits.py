"""Audits are kept: a stopped one goes on, and the last look at each table is what counts."""

from dataclasses import replace

import psycopg
import pytest

from adapters.read_database import audits
from migrations.run import upgrade
from projections.audit.audit import Difference, Kind, TableAudit

pytestmark = pytest.mark.integration

CLEAN = TableAudit("track", 3, 4, [], 0, 0, 0, [], {})
STALE = replace(
    CLEAN, differences=[Difference("track", "catalog.track", "t1", Kind.STALE, ("title",))]
)


def test_a_stopped_audit_goes_on_and_the_last_look_counts(database: str) -> None:
    upgrade(database, "engine", "engine")
    with psycopg.connect(database, autocommit=True) as connection:
        assert audits.unfinished(connection) is None
        assert audits.last_of_each(connection) == []
        number = audits.begin(connection, ["label", "track"])
        assert audits.unfinished(connection) == (number, ["label", "track"])
        audits.note(connection, number, STALE)
        assert audits.unfinished(connection) == (number, ["label", "track"])
        (one,) = audits.last_of_each(connection)
        assert (one.table, one.is_clean, one.found["stale"]) == ("track", False, 1)
        assert one.found["differences"][0]["fields"] == ["title"]
        audits.note(connection, number, CLEAN)
        (one,) = audits.last_of_each(connection)
        assert (one.is_clean, one.found["stale"]) == (True, 0)
        assert audits.unfinished(connection) == (number, ["label"])
        audits.finish(connection, number)
        assert audits.unfinished(connection) is None
