"""A change that is too large: told with its row and what to set, instead of a trace."""

from urllib.parse import urlsplit

import psycopg
import pytest

from adapters.capture.connect import _told
from adapters.capture.oversize import LargeRow, explain, is_oversize, largest_rows

TRACE = """org.apache.kafka.connect.errors.ConnectException: Unrecoverable exception from producer
\tat org.apache.kafka.connect.runtime.AbstractWorkerSourceTask.maybeThrowProducerSendException
Caused by: org.apache.kafka.connect.errors.ConnectException: in between
Caused by: org.apache.kafka.common.errors.RecordTooLargeException: The message is 1245213 bytes
"""


def test_a_trace_is_told_by_its_first_line_and_its_last_cause() -> None:
    told = _told(TRACE)
    assert told == (
        "org.apache.kafka.connect.errors.ConnectException: Unrecoverable exception from producer"
        " Caused by: org.apache.kafka.common.errors.RecordTooLargeException: The message is"
        " 1245213 bytes"
    )
    assert is_oversize(told)
    assert (_told(""), is_oversize("")) == ("", False)
    assert len(_told("x" * 9000)) == 600


def test_the_row_and_the_cure_are_named() -> None:
    told = explain([LargeRow("release", "r1", 600_000)], schema="public", message_bytes=1_000_000)
    assert "public.release 'r1' (600,000 bytes)" in told
    assert "CATALOG_KAFKA__MESSAGE_MAX_BYTES to 1800000" in told
    gone = explain([], schema="public", message_bytes=1_000_000)
    assert "changed or removed since" in gone


@pytest.mark.integration
def test_the_largest_row_of_each_table_is_found(database: str) -> None:
    assert urlsplit(database).path
    with psycopg.connect(database, autocommit=True) as connection:
        for table in ("small", "large"):
            connection.execute(f"CREATE TABLE {table} (id text PRIMARY KEY, title text)")
            connection.execute(f"INSERT INTO {table} VALUES ('a', 'x'), ('b', repeat('y', 3000))")
        connection.execute("INSERT INTO large VALUES ('c', repeat('z', 600000))")
        found = largest_rows(
            connection, ["small", "large", "absent"], schema="public", message_bytes=1_000_000
        )
    assert [(one.table, one.id, one.bytes > 600_000) for one in found] == [("large", "c", True)]
