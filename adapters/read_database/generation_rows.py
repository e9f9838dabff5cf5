"""Rows of `engine.generation`, and the locks that go by a read model's name."""

from collections.abc import Collection, Mapping
from typing import Any

import psycopg
from psycopg.rows import dict_row

from projections.ports.event_log import TopicPartition
from projections.ports.generations import Generation, Phase, Purpose, Scope, Throughput

BUILDING = "build"
"""Lock of the process that builds, verifies or switches generations."""

LOCK_KEY = "hashtextextended('catalog ' || %s || ' ' || %s, 0)"
"""Takes the lock's and the read model's names."""


def writing(number: int) -> str:
    """Name of a generation's lock: shared by every transaction that writes to it, exclusive while
    a switch keeps them off. A lock of the lock manager and no row lock: those let newcomers pass
    a waiting switch, this one queues."""
    return f"write {number}"


class PartitionClaims:
    """Implements `projections.ports.generations.Claims` by locks of one connection's session."""

    def __init__(self, connection: psycopg.Connection, generation: Generation) -> None:
        self._connection = connection
        self._generation = generation

    def checkpoints(self) -> dict[TopicPartition, int]:
        """See the port."""
        generation = self._generation
        return checkpoints(self._connection, generation.read_model, generation.number)

    def take(self, partition: TopicPartition) -> bool:
        """See the port."""
        return bool(self._ask("pg_try_advisory_lock", partition))

    def give_back(self, partition: TopicPartition) -> None:
        """See the port."""
        self._ask("pg_advisory_unlock", partition)

    def _ask(self, function: str, partition: TopicPartition) -> object:
        lock = f"fill {self._generation.number} {partition[0]}/{partition[1]}"
        row = self._connection.execute(
            f"SELECT {function}({LOCK_KEY})", (lock, self._generation.read_model)
        ).fetchone()
        return row and row[0]


def generations(
    connection: psycopg.Connection, read_model: str, condition: str = "true", *values: object
) -> list[Generation]:
    """Generations of a read model that meet an SQL condition, oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "SELECT * FROM engine.generation WHERE read_model = %s AND "
            f"{condition} ORDER BY number",
            (read_model, *values),
        )
        return [_of_row(row) for row in cursor]


def builders(connection: psycopg.Connection, read_models: Collection[str]) -> set[str]:
    """Read models of which some process builds, verifies or switches generations now: it holds
    the lock for that."""
    rows = connection.execute(
        f"""SELECT m.name FROM unnest(%s::text[]) AS m (name) WHERE EXISTS (
            SELECT FROM pg_locks AS l
            WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
              AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND (l.classid::bigint << 32 | l.objid::bigint)
                  = {LOCK_KEY.replace("%s", f"'{BUILDING}'", 1).replace("%s", "m.name")})""",
        (list(read_models),),
    )
    return {name for (name,) in rows}


def live_generation(connection: psycopg.Connection, read_model: str) -> Generation | None:
    """The generation that readers see."""
    found = generations(connection, read_model, "phase = 'live'")
    return found[0] if found else None


def checkpoints(
    connection: psycopg.Connection, read_model: str, number: int
) -> dict[TopicPartition, int]:
    """Checkpoints of a generation."""
    rows = connection.execute(
        "SELECT topic, partition, position FROM engine.checkpoint "
        "WHERE read_model = %s AND generation = %s",
        (read_model, number),
    )
    return {(topic, partition): position for topic, partition, position in rows}


def topic_ids(
    connection: psycopg.Connection, read_model: str, number: int
) -> dict[str, str | None]:
    """Kafka's ids of the topics that a generation's checkpoints are of."""
    rows = connection.execute(
        "SELECT topic, max(topic_id) FROM engine.checkpoint "
        "WHERE read_model = %s AND generation = %s GROUP BY topic",
        (read_model, number),
    )
    return {str(topic): id_ for topic, id_ in rows}


def parked(
    connection: psycopg.Connection, read_model: str, number: int
) -> dict[tuple[str, bytes], frozenset[int]]:
    """(topic, key) of a generation that have parked records → their offsets."""
    rows = connection.execute(
        'SELECT topic, key, array_agg("offset") FROM engine.dead_letter '
        "WHERE stage = 'project' AND read_model = %s AND generation = %s AND key IS NOT NULL "
        "GROUP BY topic, key",
        (read_model, number),
    )
    return {(topic, bytes(key)): frozenset(offsets) for topic, key, offsets in rows}


def target_as_json(target: Mapping[TopicPartition, int]) -> list[list[object]]:
    """Positions as they are kept in a generation's row."""
    return [[topic, partition, end] for (topic, partition), end in sorted(target.items())]


def _of_row(row: dict[str, Any]) -> Generation:
    return Generation(
        read_model=row["read_model"],
        number=row["number"],
        schema=row["schema_name"],
        phase=Phase(row["phase"]),
        purpose=Purpose(row["purpose"]),
        scope=Scope(row["as_of"], frozenset(row["carried"])),
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        switched_at=row["switched_at"],
        target={(topic, partition): end for topic, partition, end in row["target"]},
        note=row["note"],
        progress=row["progress"],
        lacking=row["lacking"],
        throughput={phase: Throughput(*one) for phase, one in row["throughput"].items()},
    )
