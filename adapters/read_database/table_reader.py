"""Reads one generation as of one instant, to compare it with another.

Implements `projections.ports.generations.TableReader` on a REPEATABLE READ transaction. A row's
checksum is PostgreSQL's own 64-bit hash of its columns; a table's digest is the sum of them, so
order does not matter and nothing but numbers leaves the server.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from adapters.read_database import generation_rows
from adapters.read_database.connection import quoted
from adapters.read_database.rows import columns_of
from projections.ports.event_log import TopicPartition
from projections.ports.generations import Digest, Generation


class PostgresTableReader:
    """A generation's tables within an open transaction."""

    def __init__(self, connection: psycopg.Connection, generation: Generation) -> None:
        self._connection = connection
        self._generation = generation
        self._positions = generation_rows.checkpoints(
            connection, generation.read_model, generation.number
        )

    def checkpoints(self) -> dict[TopicPartition, int]:
        """See the port."""
        return dict(self._positions)

    def parked(self) -> dict[tuple[str, bytes], frozenset[int]]:
        """See the port."""
        generation = self._generation
        return generation_rows.parked(self._connection, generation.read_model, generation.number)

    def columns(self, table: str) -> list[str]:
        """See the port."""
        return columns_of(self._connection, self._generation.schema, table)

    def digest(self, table: str, columns: Sequence[str]) -> Digest:
        """See the port."""
        row = self._connection.execute(
            f"SELECT count(*), coalesce(sum({_checksum(columns)}), 0)::text FROM {self._of(table)}"
        ).fetchone()
        if row is None:
            raise LookupError(table)
        return Digest(row[0], row[1])

    def checksums(self, table: str, columns: Sequence[str]) -> Iterator[tuple[str, int]]:
        """See the port."""
        with self._connection.cursor(f"checksums_{table}") as cursor:
            cursor.itersize = 10_000
            cursor.execute(
                f'SELECT id, {_checksum(columns)} FROM {self._of(table)} ORDER BY id COLLATE "C"'
            )
            yield from cursor

    def rows(self, table: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """See the port."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(f"SELECT * FROM {self._of(table)} WHERE id = ANY(%s)", (list(ids),))
            return {row["id"]: row for row in cursor}

    def _of(self, table: str) -> str:
        return quoted(self._generation.schema, table)


def _checksum(columns: Sequence[str]) -> str:
    return f"hash_record_extended(ROW({', '.join(map(quoted, columns))}), 0)"
