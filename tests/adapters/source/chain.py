"""A source over a master catalog of a test's own, without Kafka."""

from collections import Counter
from collections.abc import Sequence

import psycopg

from adapters.source import batch, difference, replica
from adapters.source.definition import Source
from adapters.source.mapping import prepare
from adapters.source.replica import RowChange
from tests.adapters.source.music import COLUMNS


class Chain:
    """One source over an empty master."""

    def __init__(self, dsn: str, source: Source) -> None:
        self.source = source
        self.connection = psycopg.connect(dsn, autocommit=True)
        with self.connection.transaction():
            replica.create(self.connection, source, COLUMNS)
        columns = {table: list(c) for table, c in COLUMNS.items()}
        self.mappings = [prepare(m, columns) for m in source.mappings.values()]
        with self.connection.transaction():
            replica.index(self.connection, source, self.mappings)

    def close(self) -> None:
        self.connection.close()

    def clear(self) -> None:
        with self.connection.transaction():
            for table in COLUMNS:
                self.connection.execute(f"DELETE FROM source_music.{table}")
            self.connection.execute("DELETE FROM source_music.__unusable")
            self.empty_master()

    def empty_master(self) -> None:
        for mapping in self.mappings:
            self.connection.execute(f"DELETE FROM {mapping.master}")

    def apply(self, changes: Sequence[RowChange]) -> Counter[str]:
        with self.connection.transaction():
            return batch.apply(self.connection, self.source, self.mappings, changes)

    def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """What the master tables say, without when it was written."""
        return {m.master: self._rows_of(m.master) for m in self.mappings}

    def _rows_of(self, master: str) -> list[tuple[object, ...]]:
        columns = ", ".join(difference.state_columns(master))
        return self.connection.execute(f"SELECT {columns} FROM {master} ORDER BY id").fetchall()

    def unusable(self) -> list[tuple[object, ...]]:
        found = self.connection.execute(
            "SELECT master, id FROM source_music.__unusable"
            " WHERE reason NOT LIKE '%several rows%' ORDER BY master, id"
        )
        return found.fetchall()
