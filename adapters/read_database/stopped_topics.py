"""Topics that translation has stopped, in `engine.stopped_topic`.

A row stays when its topic goes on: it counts for as long as the group's position hasn't passed it,
so a translator that is killed leaves nothing false. Implements
`projections.ports.stopped_topics.StoppedTopics`.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from adapters.read_database.connection import connect, storable, store_errors
from projections.ports.stopped_topics import Stop

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class StoppedAt:
    """A partition in which translation stands still."""

    stop: Stop
    at: datetime


class PostgresStoppedTopics:
    """Opens a connection for each stop: there are few in a process's life."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def note(self, stop: Stop) -> None:
        """See the port."""
        with closing(connect(self._dsn, "translate")) as connection, store_errors():
            connection.execute(
                'INSERT INTO engine.stopped_topic (topic, partition, "offset", reason)'
                " VALUES (%s, %s, %s, %s) ON CONFLICT (topic, partition) DO UPDATE"
                ' SET "offset" = excluded."offset", reason = excluded.reason, stopped_at = now()',
                (stop.topic, stop.partition, stop.offset, storable(stop.reason)),
            )


def stopped(
    connection: Connection,
    committed: Mapping[tuple[str, int], int],
    ends: Mapping[tuple[str, int], int],
) -> list[StoppedAt]:
    """Stops that hold records up: the group's position isn't beyond them, and the end is. By topic
    and partition. Raises Unavailable."""
    with store_errors():
        rows = connection.execute(
            'SELECT topic, partition, "offset", reason, stopped_at FROM engine.stopped_topic'
            " ORDER BY topic, partition"
        ).fetchall()
    found = [StoppedAt(Stop(*row[:4]), row[4]) for row in rows]
    return [
        one
        for one in found
        if committed.get((one.stop.topic, one.stop.partition), 0)
        <= one.stop.offset
        < ends.get((one.stop.topic, one.stop.partition), 0)
    ]
