"""The master catalog's migration leads to its models, and capture sees whole rows."""

import psycopg
import pytest

from adapters.ingestion.master.tables import CAPTURED, METADATA
from adapters.ingestion.master.writer import ORDER
from domain.events import EVENT_TYPES
from domain.events.event import Event
from migrations import run

_TABLE = {"download": "deal", "streaming": "deal"}


@pytest.mark.integration
def test_leads_to_the_models_and_back(database: str) -> None:
    run.upgrade(database, "master", "public")
    assert run.check(database, "public", METADATA) == []
    with psycopg.connect(database) as connection:
        full = connection.execute(
            "SELECT relname FROM pg_class WHERE relreplident = 'f' ORDER BY 1"
        ).fetchall()
    assert [name for (name,) in full] == sorted(CAPTURED)


@pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda e: e.__name__)
def test_tables_say_what_events_carry(event_type: type[Event]) -> None:
    carried = set(event_type.__dataclass_fields__) - set(Event.__dataclass_fields__)
    table = METADATA.tables[_TABLE.get(event_type.SUBJECT, event_type.SUBJECT)]
    assert carried | {"id", "message_id", "updated_at"} == set(table.columns.keys())


def test_the_writer_knows_each_captured_table() -> None:
    assert set(ORDER) == {*CAPTURED, "flaw"}
