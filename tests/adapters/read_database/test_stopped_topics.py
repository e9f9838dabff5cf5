"""A stop counts for as long as translation hasn't passed it and something waits behind it."""

from dataclasses import replace

import psycopg
import pytest

from adapters.read_database.stopped_topics import PostgresStoppedTopics, stopped
from migrations.run import upgrade
from projections.ports.stopped_topics import Stop

pytestmark = pytest.mark.integration

AT = ("master.public.artist", 2)
STOP = Stop(*AT, 7, "artist lacks display_name")


@pytest.mark.parametrize(
    ("committed", "end", "is_stopped"),
    [
        ({AT: 7}, 8, True),
        ({AT: 7}, 7, False),  # all that there is was read
        ({AT: 8}, 9, False),  # somebody has passed it
        ({}, 8, True),
        ({AT: 7}, None, False),  # the topic is gone
    ],
)
def test_a_stop_is_held_against_position_and_end(
    database: str, committed: dict[tuple[str, int], int], end: int | None, is_stopped: bool
) -> None:
    upgrade(database, "engine", "engine")
    PostgresStoppedTopics(database).note(STOP)
    ends = {} if end is None else {AT: end}
    with psycopg.connect(database) as connection:
        found = [one.stop for one in stopped(connection, committed, ends)]
    assert found == ([STOP] if is_stopped else [])


def test_the_last_stop_of_a_partition_counts(database: str) -> None:
    upgrade(database, "engine", "engine")
    topics = PostgresStoppedTopics(database)
    topics.note(STOP)
    topics.note(replace(STOP, offset=9, reason="it lacks it again"))
    with psycopg.connect(database) as connection:
        (one,) = stopped(connection, {AT: 9}, {AT: 10})
    assert (one.stop.offset, one.stop.reason) == (9, "it lacks it again")
