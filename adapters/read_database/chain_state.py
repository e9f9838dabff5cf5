"""How far the live generations are, and how much is parked: what is shown of the read database.

For who only looks, on a connection of theirs. Raises what psycopg raises.
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg

from projections.ports.event_log import TopicPartition


@dataclass(frozen=True, slots=True)
class LiveCheckpoint:
    """How far a live generation is in a partition, and since when."""

    position: int
    moved_at: datetime | None


@dataclass(frozen=True, slots=True)
class ParkedCount:
    """Parked records of a stage; at the stage project those of one read model."""

    stage: str
    read_model: str
    count: int


def live_checkpoints(
    connection: psycopg.Connection, read_model: str
) -> dict[TopicPartition, LiveCheckpoint]:
    """Checkpoints of a read model's live generation; none where nothing is live."""
    rows = connection.execute(
        "SELECT c.topic, c.partition, c.position, c.moved_at FROM engine.checkpoint AS c "
        "JOIN engine.generation AS g ON g.read_model = c.read_model AND g.number = c.generation "
        "WHERE g.phase = 'live' AND c.read_model = %s",
        (read_model,),
    )
    return {(topic, partition): LiveCheckpoint(*rest) for topic, partition, *rest in rows}


def parked_counts(connection: psycopg.Connection) -> list[ParkedCount]:
    """How much is parked at translation and in each live generation, in the order of the chain."""
    rows = connection.execute(
        "SELECT d.stage, d.read_model, count(*) FROM engine.dead_letter AS d "
        "LEFT JOIN engine.generation AS g "
        "ON g.read_model = d.read_model AND g.number = d.generation "
        "WHERE d.stage = 'translate' OR g.phase = 'live' GROUP BY 1, 2 ORDER BY 1 DESC, 2"
    )
    return [ParkedCount(*row) for row in rows]
