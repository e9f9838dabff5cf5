"""The engine's own tables in the read database, schema `engine`: what the read tables are made of.

Migrations (`migrations/engine`) make them; these models are what the migrations are checked against
and document the columns. The statements that use them are plain SQL beside this module.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

SCHEMA = "engine"
METADATA = sa.MetaData()

_NOW = sa.text("now()")
_INSTANT: Any = sa.DateTime(timezone=True)


class EngineTable(SQLModel):
    """Keeps these tables apart from those of the read models."""

    metadata = METADATA


class GenerationRow(EngineTable, table=True):
    """One copy of a read model. The live one's row is locked FOR SHARE by whoever writes to it."""

    __tablename__ = "generation"
    __table_args__ = (
        sa.Index(
            "generation_live", "read_model", unique=True, postgresql_where=sa.text("phase = 'live'")
        ),
        sa.CheckConstraint("phase <> 'live' OR purpose = 'serve'", name="generation_serves"),
    )

    read_model: str = Field(primary_key=True, sa_type=sa.Text)
    number: int = Field(primary_key=True)
    schema_name: str = Field(sa_type=sa.Text)
    phase: str = Field(sa_type=sa.Text)
    purpose: str = Field(sa_type=sa.Text)
    target: list[Any] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": sa.text("'[]'")})
    """[[topic, partition, position], …]: filled up to here before it is indexed."""
    as_of: datetime | None = Field(default=None, sa_type=_INSTANT)
    """Only events committed by then are in it."""
    carried: list[Any] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": sa.text("'[]'")})
    """Topics whose tables are copies of the live generation's."""
    note: str | None = Field(default=None, sa_type=sa.Text)
    progress: dict[str, Any] = Field(
        sa_type=JSONB, sa_column_kwargs={"server_default": sa.text("'{}'")}
    )
    throughput: dict[str, Any] = Field(
        sa_type=JSONB, sa_column_kwargs={"server_default": sa.text("'{}'")}
    )
    """Phase → [offsets, seconds]."""
    lacking: dict[str, Any] = Field(
        sa_type=JSONB, sa_column_kwargs={"server_default": sa.text("'{}'")}
    )
    """Topic → rows whose first event changes what none has added."""
    revision: str | None = Field(default=None, sa_type=sa.Text)
    """The last migration of its tables."""
    created_at: datetime = Field(sa_type=_INSTANT, sa_column_kwargs={"server_default": _NOW})
    changed_at: datetime = Field(sa_type=_INSTANT, sa_column_kwargs={"server_default": _NOW})
    switched_at: datetime | None = Field(default=None, sa_type=_INSTANT)


class CheckpointRow(EngineTable, table=True):
    """All records of the partition below `position` are in the generation."""

    __tablename__ = "checkpoint"

    read_model: str = Field(primary_key=True, sa_type=sa.Text)
    generation: int = Field(primary_key=True)
    topic: str = Field(primary_key=True, sa_type=sa.Text)
    partition: int = Field(primary_key=True)
    position: int = Field(sa_type=sa.BigInteger)
    moved_at: datetime = Field(sa_type=_INSTANT, sa_column_kwargs={"server_default": _NOW})
    topic_id: str | None = Field(default=None, sa_type=sa.Text)
    """Kafka's id of the topic; null until somebody looked."""


class DeadLetterRow(EngineTable, table=True):
    """A record that could not be used; a change may also wait behind one of its key."""

    __tablename__ = "dead_letter"
    __table_args__ = (
        sa.UniqueConstraint(
            "stage", "read_model", "generation", "topic", "partition", "offset",
            name="dead_letter_position",
        ),
        # A key may be longer than a row of an index.
        sa.Index(
            "dead_letter_key", "stage", "read_model", "generation", "topic", sa.text("sha256(key)")
        ),
    )  # fmt: skip

    number: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=sa.BigInteger,
        sa_column_kwargs={"autoincrement": True},
    )
    stage: str = Field(sa_type=sa.Text)
    read_model: str = Field(sa_type=sa.Text)
    """Empty at the translate stage."""
    generation: int
    """0 at the translate stage."""
    topic: str = Field(sa_type=sa.Text)
    partition: int
    offset: int = Field(sa_type=sa.BigInteger)
    key: bytes | None = Field(default=None, sa_type=sa.LargeBinary)
    value: bytes | None = Field(default=None, sa_type=sa.LargeBinary)
    headers: list[Any] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": sa.text("'[]'")})
    """[[name, value as base64 or null], …]."""
    reason: str = Field(sa_type=sa.Text)
    parked_at: datetime = Field(sa_type=_INSTANT, sa_column_kwargs={"server_default": _NOW})
    attempts: int = Field(sa_column_kwargs={"server_default": sa.text("0")})


class DiscardedRow(EngineTable, table=True):
    """An event that was discarded on purpose: every generation passes its position over."""

    __tablename__ = "discarded"

    read_model: str = Field(primary_key=True, sa_type=sa.Text)
    topic: str = Field(primary_key=True, sa_type=sa.Text)
    partition: int = Field(primary_key=True)
    offset: int = Field(primary_key=True, sa_type=sa.BigInteger)
    key: bytes | None
    reason: str = Field(sa_type=sa.Text)
    """Why it could not be used."""
    discarded_at: datetime = Field(sa_type=_INSTANT, sa_column_kwargs={"server_default": _NOW})


class LateChangeRow(EngineTable, table=True):
    """A row that was stored later than its place in the log says."""

    __tablename__ = "late_change"

    read_model: str = Field(primary_key=True, sa_type=sa.Text)
    topic: str = Field(primary_key=True, sa_type=sa.Text)
    partition: int = Field(primary_key=True)
    position: int = Field(primary_key=True, sa_type=sa.BigInteger)
    """It belongs behind all records below this, and before those from here on."""
    number: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=sa.BigInteger,
        sa_column_kwargs={"autoincrement": True},
    )
    id: str = Field(sa_type=sa.Text)
    stored_at: datetime = Field(sa_type=_INSTANT, sa_column_kwargs={"server_default": _NOW})


class ApiKeyRow(EngineTable, table=True):
    """A key of the catalog API; of its secret only the SHA-256 is kept."""

    __tablename__ = "api_key"

    id: str = Field(primary_key=True, sa_type=sa.Text)
    name: str = Field(sa_type=sa.Text)
    secret_hash: bytes = Field(sa_type=sa.LargeBinary)
    scopes: list[str] = Field(sa_type=ARRAY(sa.Text))
    rate: int
    """Requests per second."""
    created_at: datetime = Field(sa_type=_INSTANT, sa_column_kwargs={"server_default": _NOW})
    revoked_at: datetime | None = Field(default=None, sa_type=_INSTANT)


class AuditRow(EngineTable, table=True):
    """An audit of the event log against the master."""

    __tablename__ = "audit"

    number: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=sa.BigInteger,
        sa_column_kwargs={"autoincrement": True},
    )
    tables: list[str] = Field(sa_type=ARRAY(sa.Text))
    """Master tables that it is to compare."""
    started_at: datetime = Field(sa_type=_INSTANT, sa_column_kwargs={"server_default": _NOW})
    finished_at: datetime | None = Field(default=None, sa_type=_INSTANT)


class AuditTableRow(EngineTable, table=True):
    """What an audit found in one table."""

    __tablename__ = "audit_table"

    audit: int = Field(
        primary_key=True, sa_type=sa.BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    table_name: str = Field(primary_key=True, sa_type=sa.Text)
    compared_at: datetime = Field(sa_type=_INSTANT, sa_column_kwargs={"server_default": _NOW})
    is_clean: bool
    found: dict[str, Any] = Field(sa_type=JSONB)
    """Counts, and the first differences."""


class StoppedTopicRow(EngineTable, table=True):
    """A partition of a change topic that translation has stopped, where and why."""

    __tablename__ = "stopped_topic"

    topic: str = Field(primary_key=True, sa_type=sa.Text)
    partition: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    offset: int = Field(sa_type=sa.BigInteger)
    reason: str = Field(sa_type=sa.Text)
    stopped_at: datetime = Field(sa_type=_INSTANT, sa_column_kwargs={"server_default": _NOW})
