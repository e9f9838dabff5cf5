"""The way from the master's rows to the read catalog, in this process and without Kafka.

Each row is translated as a snapshot would report it, its events go through the projection's own
handlers as columns, and their rows are copied and merged by the worker's own statements.
"""

from collections import defaultdict
from dataclasses import asdict
from typing import Any

import psycopg
from psycopg.rows import dict_row

from adapters.ingestion.master.tables import CAPTURED
from adapters.read_database.rows import TableStatements, copy_frames
from domain.changes import Change, Coordinates, Operation
from domain.events import Event
from domain.translation import TRANSLATIONS, translate
from projections.catalog import CATALOG
from projections.engine.columns import conform, schema_of
from projections.read_model import REMOVED
from tests.projections.catalog.test_handlers import frame


def events_of(master_dsn: str) -> list[Event]:
    """What a snapshot of the master says, as events."""
    translated = {translation.table for translation in TRANSLATIONS}
    found: list[Event] = []
    with psycopg.connect(master_dsn, row_factory=dict_row) as connection:
        for table in CAPTURED:
            if table in translated:
                for row in connection.execute(f"SELECT * FROM {table} ORDER BY id"):
                    found += translate(_read(table, row, len(found)))
    return found


def _read(table: str, row: dict[str, Any], number: int) -> Change:
    return Change(
        table=table,
        operation=Operation.READ,
        key={"id": row["id"]},
        before=None,
        after=row,
        coordinates=Coordinates(f"master.public.{table}", 0, number),
        position=str(number),
        transaction=None,
        committed_at=row["updated_at"],
    )


def carry(master_dsn: str, read_dsn: str) -> None:
    """Fill the (empty) read catalog with what the master holds."""
    rows: defaultdict[type[Event], list[dict[str, Any]]] = defaultdict(list)
    for event in events_of(master_dsn):
        rows[type(event)].append(asdict(event))
    with psycopg.connect(read_dsn) as connection:
        for projection in CATALOG.projections:
            columns = [column.name for column in projection.sql.columns]
            statements = TableStatements.of(projection, "catalog", columns)
            sent = (*statements.columns, REMOVED)
            made = [
                conform(
                    projection.handlers[event.__name__](frame(event, rows[event])),
                    schema_of(projection),
                    event.__name__,
                )
                for event in list(rows)
                if projection.subject == event.SUBJECT
            ]
            if made:
                with connection.cursor() as cursor:
                    cursor.execute(statements.create_staging)
                    copy_frames(cursor, statements.copy_to_staging, made, sent, statements.json)
                    cursor.execute(statements.merge)
