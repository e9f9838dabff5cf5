"""Rows that are stored later than their place in the log says, for who follows the changes.

A worker stores a partition's rows in the order of their offsets, so who has read up to an offset
misses nothing that comes later. Two things break that order: a parked record that is resolved, and
a new generation that could use what the former had parked. Such a row is noted here with the
position that the live checkpoint had: it belongs behind all records below, and before those from
there on.
What is noted outlives all generations; each sees it by a view in its schema.

Who notes holds the checkpoint's row until its commit. So `number` grows, within a partition, in the
order of the commits.
"""

from collections.abc import Collection
from typing import Any

import psycopg
from psycopg import sql

VIEW = "late_change"
LOG_VIEW = "log"
"""Views in every generation's schema."""


def show_late_changes(connection: psycopg.Connection[Any], schema: str, read_model: str) -> None:
    """Make the view by which a generation sees what was stored late."""
    connection.execute(
        sql.SQL(
            "CREATE OR REPLACE VIEW {} AS SELECT topic, partition, position, number, id, stored_at "
            "FROM engine.late_change WHERE read_model = {}"
        ).format(sql.Identifier(schema, VIEW), sql.Literal(read_model))
    )


def show_log(
    connection: psycopg.Connection[Any], schema: str, read_model: str, number: int
) -> None:
    """Make the view by which a generation says of which topics it is made: a cursor of its changes
    means nothing in others."""
    connection.execute(
        sql.SQL(
            "CREATE OR REPLACE VIEW {} AS SELECT topic, max(topic_id) AS id "
            "FROM engine.checkpoint WHERE read_model = {} AND generation = {} GROUP BY topic"
        ).format(sql.Identifier(schema, LOG_VIEW), sql.Literal(read_model), sql.Literal(number))
    )


def note_late(
    cursor: psycopg.Cursor[Any],
    read_model: str,
    generation: int,
    topic: str,
    partition: int,
    ids: Collection[str],
) -> None:
    """Note rows of one partition, at the position of a generation's checkpoint."""
    cursor.execute(
        "INSERT INTO engine.late_change (read_model, topic, partition, position, id) "
        "SELECT c.read_model, c.topic, c.partition, c.position, ids.id "
        "FROM (SELECT * FROM engine.checkpoint WHERE read_model = %s AND generation = %s "
        "AND topic = %s AND partition = %s FOR UPDATE) AS c, unnest(%s::text[]) AS ids (id)",
        (read_model, generation, topic, partition, list(ids)),
    )


_SAME_TOPIC = """
    SELECT FROM engine.checkpoint AS f JOIN engine.checkpoint AS s
    ON (s.read_model, s.topic, s.partition) = (f.read_model, f.topic, f.partition)
    WHERE f.read_model = %(model)s AND f.generation = %(former)s AND s.generation = %(new)s
      AND coalesce(f.topic_id = s.topic_id, true)"""


def note_parked(
    connection: psycopg.Connection[Any], read_model: str, former: int, successor: int
) -> None:
    """Note the rows of all keys that a generation has parked, which its successor may have.

    And forget what stands in `engine` by positions of topics that were made anew between the two:
    who follows the changes begins anew there.
    """
    whose = {"model": read_model, "former": former, "new": successor}
    for table in ("discarded", "late_change"):
        connection.execute(
            f"DELETE FROM engine.{table} AS x WHERE x.read_model = %(model)s AND EXISTS ("
            "SELECT FROM engine.checkpoint AS f JOIN engine.checkpoint AS s USING (read_model, "
            "topic, partition) WHERE read_model = x.read_model AND topic = x.topic "
            "AND f.generation = %(former)s AND s.generation = %(new)s "
            "AND f.topic_id <> s.topic_id)",
            whose,
        )
    rows = connection.execute(
        "SELECT DISTINCT topic, partition, key FROM engine.dead_letter AS d "
        "WHERE d.stage = 'project' AND d.read_model = %(model)s AND d.generation = %(former)s "
        f"AND key IS NOT NULL AND EXISTS ({_SAME_TOPIC} AND f.topic = d.topic "
        "AND f.partition = d.partition)",
        whose,
    ).fetchall()
    ids: dict[tuple[str, int], list[str]] = {}
    for topic, partition, key in rows:
        try:
            id_ = bytes(key).decode()
        except UnicodeDecodeError:  # no row has such an id
            continue
        if "\0" not in id_:
            ids.setdefault((topic, partition), []).append(id_)
    with connection.cursor() as cursor:
        for (topic, partition), those in ids.items():
            note_late(cursor, read_model, former, topic, partition, those)
