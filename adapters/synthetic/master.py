"""A synthetic catalog straight into the master database, by COPY."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import psycopg
from psycopg import sql

from adapters.ingestion.master import messages
from adapters.ingestion.master.tables import METADATA
from adapters.read_database.rows import copy_frames
from adapters.synthetic.catalog import Batch, SyntheticCatalog, chunks
from adapters.synthetic.distinct import coded
from adapters.synthetic.events import message_id
from domain.failures import WrongUsage

_JSON = frozenset({"prices"})


def write_catalog(
    connection: psycopg.Connection,
    plan: SyntheticCatalog,
    report: Callable[[int, int], None] = lambda rows, updates: None,
) -> tuple[int, int]:
    """Write the plan's catalog, a transaction a chunk; returns rows added and rows updated.

    `report` gets both so far. Raises WrongUsage when the master already holds this seed.
    """
    added = updated = 0
    connection.autocommit = False  # a transaction per chunk
    if messages.status_of(connection, message_id(plan.seed)) is not None:
        raise WrongUsage(
            f"the master already holds synthetic data of seed {plan.seed}: give another --seed"
        )
    messages.record(connection, _message(plan, "begun"))
    for batches in chunks(plan):
        instant = datetime.now(UTC)
        for batch in batches:
            if batch.is_update:
                updated += _update(connection, batch)
            else:
                added += _add(connection, batch, plan.seed, instant)
        connection.commit()
        report(added, updated)
    messages.record(connection, _message(plan, "applied"))
    connection.commit()
    return added, updated


def _message(plan: SyntheticCatalog, status: str) -> messages.MessageRow:
    said = f"catalog generate --tracks {plan.tracks} --seed {plan.seed} --updates {plan.updates}"
    return messages.MessageRow(
        id=message_id(plan.seed),
        kind="synthetic",
        source=said,
        sha256=hashlib.sha256(said.encode()).hexdigest(),
        status=status,
        verdict="synthetic: made up by a program, of an imaginary licensor",
    )


def _add(connection: psycopg.Connection, batch: Batch, seed: int, instant: datetime) -> int:
    rows = _as_stored(batch.rows, batch.source.table).with_columns(
        message_id=pl.lit(message_id(seed)), updated_at=pl.lit(instant).dt.cast_time_unit("us")
    )
    table = sql.Identifier(batch.source.table)
    _copy(connection, table, rows)
    return rows.height


def _update(connection: psycopg.Connection, batch: Batch) -> int:
    """Apply the newest revision of each row, in one statement."""
    rows = _as_stored(batch.rows, batch.source.table).unique("id", keep="last", maintain_order=True)
    rows = rows.select("id", *batch.source.revised)
    table, stage = sql.Identifier(batch.source.table), sql.Identifier("stage_generated")
    listed = sql.SQL(", ").join(map(sql.Identifier, rows.columns))
    connection.execute(
        sql.SQL(
            "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA"
        ).format(stage, listed, table)
    )
    _copy(connection, stage, rows)
    connection.execute(sql.SQL("ANALYZE {}").format(stage))
    changes = [
        sql.SQL("{0} = new.{0}").format(sql.Identifier(name)) for name in batch.source.revised
    ]
    changed = connection.execute(
        sql.SQL(
            "UPDATE {} AS kept SET {}, updated_at = now() FROM {} AS new WHERE kept.id = new.id"
        ).format(table, sql.SQL(", ").join(changes), stage)
    ).rowcount
    connection.execute(sql.SQL("DROP TABLE {}").format(stage))
    return changed


def _copy(connection: psycopg.Connection, table: sql.Identifier, rows: pl.DataFrame) -> None:
    listed = sql.SQL(", ").join(map(sql.Identifier, rows.columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(table, listed)
    with connection.cursor() as cursor:
        copy_frames(cursor, statement.as_string(connection), [rows], rows.columns, _JSON)


def _as_stored(rows: pl.DataFrame, table: str) -> pl.DataFrame:
    """Rows with the database's types: 32-bit integers, prices as JSON."""
    narrow = [
        pl.col(column.name).cast(pl.Int32)
        for column in METADATA.tables[table].columns
        if column.type.__class__.__name__ in ("Integer", "AutoString", "String")
        and rows.schema.get(column.name) == pl.Int64
    ]
    stored = rows.with_columns(narrow)
    if "prices" in rows.columns:
        values, codes = coded(rows["prices"])
        texts = pl.Series([_json(value) for value in values], dtype=pl.String)
        stored = stored.with_columns(texts.gather(codes).alias("prices"))
    return stored


def _json(prices: object) -> str | None:
    """Prices as the master keeps them: amounts as text, what is absent left out."""
    if not isinstance(prices, list):
        return None
    return json.dumps(
        [
            {
                name: f"{value.normalize():f}" if isinstance(value, Decimal) else value
                for name, value in price.items()
                if value is not None
            }
            for price in prices
        ]
    )
