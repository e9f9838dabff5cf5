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
"""View in every generation's schema."""


def show_late_changes(connection: psycopg.Connection[Any], schema: str, read_model: str) -> None:
    """Make the view by which a generation sees what was stored late."""
    connection.execute(
        sql.SQL(
            "CREATE OR REPLACE VIEW {} AS SELECT topic, partition, position, number, id, stored_at "
            "FROM engine.late_change WHERE read_model = {}"
        ).format(sql.Identifier(schema, VIEW), sql.Literal(read_model))
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


def note_parked(connection: psycopg.Connection[Any], read_model: str, generation: int) -> None:
    """Note the rows of all keys that a generation has parked, which its successor may have."""
    rows = connection.execute(
        "SELECT DISTINCT topic, partition, key FROM engine.dead_letter WHERE stage = 'project' "
        "AND read_model = %s AND generation = %s AND key IS NOT NULL",
        (read_model, generation),
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
            note_late(cursor, read_model, generation, topic, partition, those)
