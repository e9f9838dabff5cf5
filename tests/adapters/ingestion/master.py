"""A master catalog, and what tests ask of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from hypothesis import HealthCheck, Phase, settings
from psycopg.rows import dict_row

from adapters.ingestion.ingest import Options, ingest
from adapters.ingestion.master.tables import CAPTURED, METADATA
from adapters.ingestion.report import Summary
from tests.connections import opening

SLOW = settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
"""For properties of which each example is many transactions; shrinking would take minutes."""

Catalog = dict[str, dict[str, dict[str, Any]]]
"""Table → id → columns."""


@dataclass(frozen=True)
class Master:
    """A master catalog that tests ingest into."""

    dsn: str

    def ingest(self, *paths: Path | str, options: Options | None = None) -> Summary:
        """Take in, and take in again what was taken in before."""
        return ingest(opening(self.dsn), [str(p) for p in paths], options or Options(again=True))

    def catalog(self, written: bool = False) -> Catalog:
        """Every row that capture would see; with `written` also when and by whom it was written."""
        hidden = () if written else ("message_id", "updated_at")
        found: Catalog = {}
        with psycopg.connect(self.dsn, row_factory=dict_row) as connection:
            for table in (*CAPTURED, "flaw"):
                rows = connection.execute(f"SELECT * FROM {table}").fetchall()
                found[table] = {
                    row["id"]: {k: v for k, v in row.items() if k not in hidden} for row in rows
                }
        return found

    def one(self, query: str, *parameters: object) -> Any:
        """The first column of the first row."""
        with psycopg.connect(self.dsn) as connection:
            row = connection.execute(query, parameters).fetchone()
        return None if row is None else row[0]

    def clear(self) -> None:
        """Empty all tables."""
        with psycopg.connect(self.dsn) as connection:
            connection.execute(f"TRUNCATE {', '.join(METADATA.tables)}")
