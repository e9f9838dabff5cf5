"""Parked records of both stages in `engine.dead_letter`.

Implements `projections.ports.dead_letters.DeadLetters`. The project stage parks within the
transaction that moves its checkpoint (see `read_store`); the translate stage parks here,
before its Kafka transaction passes the record: at worst a record is parked twice, which is once.
"""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from adapters.read_database.connection import connect, storable, store_errors
from projections.ports.dead_letters import (
    DeadLetter,
    Headers,
    NoDeadLetter,
    Place,
    RejectedRecord,
    Stage,
)

_LIVE = """
    (stage = 'translate' OR (read_model, generation) IN
        (SELECT read_model, number FROM engine.generation WHERE phase = 'live'))"""

_OF_TOPIC = f"""
    FROM engine.dead_letter
    WHERE stage = %s AND read_model = %s AND topic = %s AND {_LIVE}"""


_DISCARD = """
    WITH gone AS (
        DELETE FROM engine.dead_letter WHERE number = ANY(%s)
        RETURNING stage, read_model, topic, partition, "offset", key, reason
    ), kept AS (
        INSERT INTO engine.discarded (read_model, topic, partition, "offset", key, reason)
        SELECT DISTINCT ON (read_model, topic, partition, "offset")
            read_model, topic, partition, "offset", key, reason
        FROM gone WHERE stage = 'project'
        ON CONFLICT DO NOTHING
    ), elsewhere AS (
        DELETE FROM engine.dead_letter AS d USING gone AS g
        WHERE d.stage = 'project' AND g.stage = 'project' AND NOT d.number = ANY(%s)
          AND (d.read_model, d.topic, d.partition, d."offset")
            = (g.read_model, g.topic, g.partition, g."offset")
    )
    SELECT count(*) AS count FROM gone"""


class PostgresDeadLetters:
    """Dead letters of translation and of one read model; None: of all, to see and to discard."""

    def __init__(self, dsn: str, read_model: str | None) -> None:
        self._dsn = dsn
        self._read_model = read_model
        self._connection: psycopg.Connection | None = None

    def park(self, record: RejectedRecord) -> None:
        """See the port. At the project stage it is the live generation's."""
        with self._cursor() as cursor:
            cursor.execute(
                "INSERT INTO engine.dead_letter (stage, read_model, generation, topic, partition, "
                '"offset", key, value, headers, reason) '
                "SELECT %s, %s, CASE WHEN %s THEN coalesce((SELECT number FROM engine.generation "
                "WHERE read_model = %s AND phase = 'live'), 0) ELSE 0 END, "
                "%s, %s, %s, %s, %s, %s, %s "
                "ON CONFLICT ON CONSTRAINT dead_letter_position DO NOTHING",
                (
                    record.stage.value, self._model_of(record.stage),
                    record.stage is Stage.PROJECT, self._read_model, record.topic,
                    record.partition, record.offset, record.key, record.value,
                    Jsonb(_as_json(record.headers)), storable(record.reason),
                ),
            )  # fmt: skip

    def first_parked(self, stage: Stage, topic: str, key: bytes) -> int | None:
        """See the port."""
        with self._cursor() as cursor:
            cursor.execute(
                f'SELECT min("offset") AS first {_OF_TOPIC} AND sha256(key) = sha256(%s)',
                (*self._of(stage, topic), key),
            )
            row = cursor.fetchone()
            return None if row is None else row["first"]

    def first(self, stage: Stage, topic: str, key: bytes) -> DeadLetter | None:
        """See the port."""
        with self._cursor() as cursor:
            cursor.execute(
                f'SELECT * {_OF_TOPIC} AND sha256(key) = sha256(%s) ORDER BY "offset" LIMIT 1',
                (*self._of(stage, topic), key),
            )
            row = cursor.fetchone()
            return None if row is None else _dead_letter(row)

    def places(self, stage: Stage) -> list[Place]:
        """See the port."""
        with self._cursor() as cursor:
            cursor.execute(
                'SELECT number, topic, partition, "offset", key FROM engine.dead_letter '
                f"WHERE stage = %s AND {_LIVE} "
                "AND (%s::text IS NULL OR read_model IN ('', %s)) "
                'ORDER BY topic, partition, "offset"',
                (stage.value, self._read_model, self._read_model),
            )
            return [Place(**row) for row in cursor]

    def parked_keys(self, stage: Stage, topic: str) -> set[bytes]:
        """See the port."""
        with self._cursor() as cursor:
            cursor.execute(
                f"SELECT DISTINCT key {_OF_TOPIC} AND key IS NOT NULL", self._of(stage, topic)
            )
            return {bytes(row["key"]) for row in cursor}

    def list(
        self,
        stage: Stage | None = None,
        topic: str | None = None,
        key: bytes | None = None,
        limit: int | None = None,
    ) -> list[DeadLetter]:
        """See the port."""
        wanted: dict[str, Any] = {
            "stage": None if stage is None else stage.value,
            "topic": topic,
            "key": key,
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        conditions = [_LIVE, "(%(model)s::text IS NULL OR read_model IN ('', %(model)s))"]
        conditions += [f"{name} = %({name})s" for name in given if name != "key"]
        if key is not None:
            conditions.append("sha256(key) = sha256(%(key)s)")
        with self._cursor() as cursor:
            cursor.execute(
                f"SELECT * FROM engine.dead_letter WHERE {' AND '.join(conditions)} "
                'ORDER BY stage DESC, read_model, topic, partition, "offset" LIMIT %(limit)s',
                {**given, "model": self._read_model, "limit": limit},
            )
            return [_dead_letter(row) for row in cursor]

    def show(self, number: int) -> DeadLetter:
        """See the port."""
        with self._cursor() as cursor:
            cursor.execute("SELECT * FROM engine.dead_letter WHERE number = %s", (number,))
            row = cursor.fetchone()
        if row is None:
            raise NoDeadLetter(number)
        return _dead_letter(row)

    def discard(self, numbers: Sequence[int]) -> int:
        """See the port."""
        with self._cursor() as cursor:
            cursor.execute(_DISCARD, (list(numbers), list(numbers)))
            row = cursor.fetchone()
            return 0 if row is None else row["count"]

    def note_failure(self, number: int, reason: str) -> None:
        """See the port."""
        with self._cursor() as cursor:
            cursor.execute(
                "UPDATE engine.dead_letter SET attempts = attempts + 1, reason = %s "
                "WHERE number = %s",
                (storable(reason), number),
            )

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _of(self, stage: Stage, topic: str) -> tuple[str, str, str]:
        return stage.value, self._model_of(stage), topic

    def _model_of(self, stage: Stage) -> str:
        if stage is Stage.TRANSLATE:
            return ""
        if self._read_model is None:
            raise ValueError("an event is parked for one read model")
        return self._read_model

    @contextmanager
    def _cursor(self) -> Iterator[psycopg.Cursor[dict[str, Any]]]:
        with store_errors():
            if self._connection is None or self._connection.closed:
                self._connection = connect(self._dsn, "dead letters")
            with self._connection.cursor(row_factory=dict_row) as cursor:
                yield cursor


def _as_json(headers: Headers) -> list[list[str | None]]:
    return [
        [_text(name), None if value is None else base64.b64encode(value).decode()]
        for name, value in headers
    ]


def _text(name: str) -> str:
    """A name as JSONB holds it, whole."""
    return name.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _dead_letter(row: dict[str, Any]) -> DeadLetter:
    return DeadLetter(
        number=row["number"],
        stage=Stage(row["stage"]),
        read_model=row["read_model"],
        generation=row["generation"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        key=None if row["key"] is None else bytes(row["key"]),
        value=None if row["value"] is None else bytes(row["value"]),
        headers=[
            (name, None if value is None else base64.b64decode(value))
            for name, value in row["headers"]
        ],
        reason=row["reason"],
        parked_at=row["parked_at"],
        attempts=row["attempts"],
    )
