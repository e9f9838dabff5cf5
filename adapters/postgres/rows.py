"""Frames of rows into tables: COPY BINARY into a bare table, and the merge from there.

The bare table is a heap that a rebuild fills, or a temporary staging table of the live path. The
binary rows are made by pgpq outside Python; they are sent on the connection, and so in the
transaction, of the checkpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import psycopg
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder, encoders, schema
from polars.interchange import CompatLevel

from adapters.postgres.connection import quoted
from projections.read_model import REMOVED, Projection


def heap_name(table: str) -> str:
    """Name of the bare table that a rebuild fills, in the generation's schema."""
    return f"heap_{table}"


def columns_of(connection: psycopg.Connection, schema_name: str, table: str) -> list[str]:
    """Column names as the database has them, in order; empty for a table that is not there."""
    rows = connection.execute(
        "SELECT attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s "
        "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        (schema_name, table),
    )
    return [str(name) for (name,) in rows]


@dataclass(frozen=True)
class TableStatements:
    """The SQL with which one table of one generation is written."""

    columns: tuple[str, ...]
    """Columns that the table and the model both have, and `_removed`. A generation made by older
    migrations lacks some, which its readers do not know either."""
    json: frozenset[str]
    create_staging: str
    copy_to_staging: str
    copy_to_heap: str
    merge: str

    @classmethod
    def of(
        cls, projection: Projection, schema_name: str, present: Sequence[str]
    ) -> "TableStatements":
        """Statements for a table with the columns `present`."""
        name = projection.sql.name
        table, heap = quoted(schema_name, name), quoted(schema_name, heap_name(name))
        staging = quoted("pg_temp", f"stage_{name}")
        names = [column.name for column in projection.sql.columns if column.name in present]
        listed = ", ".join(map(quoted, names))
        sent = f"({listed}, {quoted(REMOVED)})"
        updates = ", ".join(f"{quoted(n)} = new.{quoted(n)}" for n in names if n != "id")
        values = ", ".join(f"new.{quoted(n)}" for n in names)
        return cls(
            columns=(*names, REMOVED),
            json=frozenset(
                column.name
                for column in projection.sql.columns
                if column.type.__class__.__name__ == "JSONB"
            ),
            create_staging=(
                f"CREATE TEMPORARY TABLE {quoted(f'stage_{name}')} ON COMMIT DELETE ROWS AS "
                f"SELECT {listed}, false AS {quoted(REMOVED)} FROM {table} WITH NO DATA"
            ),
            copy_to_staging=f"COPY {staging} {sent} FROM STDIN (FORMAT BINARY)",
            copy_to_heap=f"COPY {heap} {sent} FROM STDIN (FORMAT BINARY)",
            merge=(
                f"MERGE INTO {table} AS kept USING {staging} AS new ON kept.id = new.id "
                "WHEN MATCHED AND kept.event_offset >= new.event_offset THEN DO NOTHING "
                f"WHEN MATCHED AND new.{quoted(REMOVED)} THEN DELETE "
                f"WHEN MATCHED THEN UPDATE SET {updates} "
                f"WHEN NOT MATCHED AND NOT new.{quoted(REMOVED)} "
                f"THEN INSERT ({listed}) VALUES ({values})"
            ),
        )


def copy_frame(
    cursor: psycopg.Cursor[tuple[object, ...]],
    statement: str,
    frame: pl.DataFrame,
    columns: Sequence[str],
    json: frozenset[str],
) -> None:
    """Send a frame's columns, in this order, as COPY BINARY. `json` names JSONB columns."""
    table: pa.Table = frame.select(columns).to_arrow(compat_level=CompatLevel.oldest())
    fields = {
        field.name: ArrowToPostgresBinaryEncoder.infer_encoder(field) for field in table.schema
    }
    for name in json & fields.keys():
        fields[name] = encoders.LargeStringEncoderBuilder.new_with_output(
            table.schema.field(name), schema.Jsonb()
        )
    encoder = ArrowToPostgresBinaryEncoder.new_with_encoders(table.schema, fields)
    # Encoded before COPY begins: while the server waits for a client's data, no time limit of its
    # own ends the transaction of one that was paused (see `connection.limit_transactions`).
    binary = [encoder.write_header()]
    binary += [encoder.write_batch(batch) for batch in table.to_batches(max_chunksize=20_000)]
    binary.append(encoder.finish())
    with cursor.copy(statement) as copy:
        copy.write(b"".join(binary))
