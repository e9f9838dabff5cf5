"""Carries tables over from the live generation into one that is being built of other topics.

A table is made of nothing but its topic's events, so a table with its topic's checkpoints and
parked records can be taken from one generation to another, if all are read as of one instant.
"""

import psycopg

from adapters.read_database.connection import quoted
from adapters.read_database.generation_rows import live_generation
from adapters.read_database.rows import columns_of
from projections.ports.generations import Generation, NothingToCarry
from projections.read_model import ReadModel


def carry_over(connection: psycopg.Connection, model: ReadModel, generation: Generation) -> None:
    """Copy each carried table, in a transaction each; once more where that was done before.

    Only who holds the lock for building may do so: no switch comes. Raises NothingToCarry.
    """
    for projection in model.projections:
        if projection.topic not in generation.scope.carried:
            continue
        with connection.transaction():
            # Rows, checkpoints and parked records as of one instant, while workers go on.
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            live = live_generation(connection, model.name)
            if live is None:
                raise NothingToCarry("there is no live generation to carry tables over from")
            _copy_rows(connection, live, generation, projection.sql.name)
            _copy_position(connection, live, generation, projection.topic)


def _copy_rows(
    connection: psycopg.Connection, live: Generation, generation: Generation, name: str
) -> None:
    columns = columns_of(connection, generation.schema, name)
    if lacking := set(columns) - set(columns_of(connection, live.schema, name)):
        raise NothingToCarry(
            f"the live table {name} has no {', '.join(sorted(lacking))}: it can't be carried over; "
            "rebuild its topic too"
        )
    table, listed = quoted(generation.schema, name), ", ".join(map(quoted, columns))
    connection.execute(f"TRUNCATE {table}")
    connection.execute(
        f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {quoted(live.schema, name)}"
    )


def _copy_position(
    connection: psycopg.Connection, live: Generation, generation: Generation, topic: str
) -> None:
    whose = {
        "model": generation.read_model,
        "live": live.number,
        "new": generation.number,
        "topic": topic,
    }
    connection.execute(
        "UPDATE engine.checkpoint AS new "
        "SET position = live.position, topic_id = live.topic_id, moved_at = now() "
        "FROM engine.checkpoint AS live "
        "WHERE new.read_model = %(model)s AND new.generation = %(new)s AND new.topic = %(topic)s "
        "AND live.read_model = new.read_model AND live.generation = %(live)s "
        "AND live.topic = new.topic AND live.partition = new.partition",
        whose,
    )
    connection.execute(
        "DELETE FROM engine.dead_letter WHERE stage = 'project' AND read_model = %(model)s "
        "AND generation = %(new)s AND topic = %(topic)s",
        whose,
    )
    dead_letter = 'stage, read_model, topic, partition, "offset", key, value, headers, reason'
    connection.execute(
        f"INSERT INTO engine.dead_letter (generation, {dead_letter}, parked_at, attempts) "
        f"SELECT %(new)s, {dead_letter}, parked_at, attempts FROM engine.dead_letter "
        "WHERE stage = 'project' AND read_model = %(model)s AND generation = %(live)s "
        "AND topic = %(topic)s",
        whose,
    )
