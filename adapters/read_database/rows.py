"""Frames of rows into tables: COPY BINARY into a table that is being filled, or into a staging
table and the merge from there.

The binary rows are made by pgpq outside Python; they are sent on the connection, and so in the
transaction, of the checkpoint.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl
import psycopg
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder, encoders, schema
from polars.interchange import CompatLevel

from adapters.read_database.connection import quoted
from domain.failures import reason_of
from projections.ports.read_store import RowsRefused
from projections.read_model import REMOVED, Projection


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
    """Columns that the table and the model both have. A generation made by older migrations lacks
    some, which its readers do not know either."""
    json: frozenset[str]
    create_staging: str
    copy_to_staging: str
    copy_to_table: str
    merge: str

    @classmethod
    def of(
        cls, projection: Projection, schema_name: str, present: Sequence[str]
    ) -> "TableStatements":
        """Statements for a table with the columns `present`."""
        name = projection.sql.name
        table = quoted(schema_name, name)
        staging = quoted("pg_temp", f"stage_{name}")
        names = [column.name for column in projection.sql.columns if column.name in present]
        listed = ", ".join(map(quoted, names))
        sent = f"({listed}, {quoted(REMOVED)})"
        updates = ", ".join(f"{quoted(n)} = new.{quoted(n)}" for n in names if n != "id")
        values = ", ".join(f"new.{quoted(n)}" for n in names)
        return cls(
            columns=tuple(names),
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
            copy_to_table=f"COPY {table} ({listed}) FROM STDIN (FORMAT BINARY)",
            merge=(
                f"MERGE INTO {table} AS kept USING {staging} AS new ON kept.id = new.id "
                "WHEN MATCHED AND kept.event_offset >= new.event_offset THEN DO NOTHING "
                f"WHEN MATCHED AND new.{quoted(REMOVED)} THEN DELETE "
                f"WHEN MATCHED THEN UPDATE SET {updates} "
                f"WHEN NOT MATCHED AND NOT new.{quoted(REMOVED)} "
                f"THEN INSERT ({listed}) VALUES ({values})"
            ),
        )


def copy_frames(
    cursor: psycopg.Cursor[tuple[object, ...]],
    statement: str,
    frames: Iterable[pl.DataFrame],
    columns: Sequence[str],
    json: frozenset[str],
) -> int:
    """Send the frames' columns, in this order, as one COPY BINARY; returns the number of rows.

    `json` names JSONB columns.
    """
    chosen = (f if f.columns == list(columns) else f.select(columns) for f in frames)
    tables = (frame.to_arrow(compat_level=CompatLevel.oldest()) for frame in chosen)
    first: pa.Table | None = next(tables, None)
    if first is None:
        return 0
    encoder = _encoder(first.schema, json)
    rows: int = first.num_rows
    start = encoder.write_header() + _encoded(encoder, first)
    with cursor.copy(statement) as copy:
        copy.write(start)
        for table in tables:
            copy.write(_encoded(encoder, table))
            rows += table.num_rows
        copy.write(encoder.finish())
    return rows


def _encoder(columns: pa.Schema, json: frozenset[str]) -> ArrowToPostgresBinaryEncoder:
    fields = {field.name: ArrowToPostgresBinaryEncoder.infer_encoder(field) for field in columns}
    for name in json & fields.keys():
        fields[name] = encoders.LargeStringEncoderBuilder.new_with_output(
            columns.field(name), schema.Jsonb()
        )
    return ArrowToPostgresBinaryEncoder.new_with_encoders(columns, fields)


def _encoded(encoder: ArrowToPostgresBinaryEncoder, table: pa.Table) -> bytes:
    try:
        return b"".join(map(encoder.write_batch, table.to_batches(max_chunksize=20_000)))
    except Exception as error:  # whatever a value makes it stumble on
        raise RowsRefused(f"a value has no binary form: {reason_of(error)}") from error
