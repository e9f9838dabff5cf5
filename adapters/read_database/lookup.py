"""The lookup's port to PostgreSQL: one prepared statement on one connection."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import errors, sql
from psycopg.rows import TupleRow

from adapters.read_database.connection import connect
from domain.failures import Failure
from domain.identifiers import Identifier
from projections.catalog import CATALOG
from projections.catalog.queries.owners import STATEMENT, MatchRow
from projections.ports.read_store import StoreBusy


class PostgresIdentifiers:
    """Implements `projections.catalog.queries.owners.IdentifierIndex`. For one thread at a time."""

    def __init__(
        self, connection: psycopg.Connection[TupleRow], schema: str = CATALOG.schema
    ) -> None:
        """`schema` is the generation to read; by default the live one, whichever that becomes."""
        self._cursor = connection.cursor()
        self._schema = schema
        self._statement = sql.SQL(STATEMENT).format(schema=sql.Identifier(schema))

    def matches(self, asked: Sequence[Identifier]) -> list[MatchRow]:
        """Execute the statement; all its rows are as of one moment.

        Raises Failure where the schema has no read catalog, or the database goes away.
        """
        arrays = {
            "schemes": [number.scheme for number in asked],
            "values": [number.value for number in asked],
            "raws": [number.raw.strip() for number in asked],
        }
        try:
            self._cursor.execute(self._statement, arrays, prepare=True)
        except errors.UndefinedColumn as error:
            raise Failure(
                f"schema {self._schema!r} was made by another version than this one: "
                f"{error.diag.message_primary}; `catalog migrate` brings the live one up to date, "
                "others must be rebuilt"
            ) from error
        except (errors.UndefinedTable, errors.InvalidSchemaName) as error:
            raise Failure(
                f"there is no read catalog in schema {self._schema!r} yet: "
                "run `catalog project` or `catalog rebuild` first"
            ) from error
        except psycopg.OperationalError as error:
            raise Failure(f"the read database didn't answer: {error}") from error
        return [MatchRow(*row) for row in self._cursor]


@contextmanager
def identifier_index(dsn: str, schema: str = CATALOG.schema) -> Iterator[PostgresIdentifiers]:
    """Open a read-only index over a generation for as long as the context lasts.

    Raises Failure where the database can't be reached.
    """
    try:
        connection = connect(dsn, "lookup")
    except StoreBusy as error:
        raise Failure(f"the read database can't be reached: {error}") from error
    with connection:
        connection.execute("SET default_transaction_read_only = on")
        # Whatever the statistics say of small or new tables: one plan, by indexes, not compiled.
        for setting in (
            "plan_cache_mode = force_generic_plan",
            "enable_seqscan = off",
            "jit = off",
        ):
            connection.execute(f"SET {setting}")
        yield PostgresIdentifiers(connection, schema)
