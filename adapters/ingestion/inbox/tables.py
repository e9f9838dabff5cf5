"""The tables of inboxes, in the master database: what a killed process goes on from. Not captured.

That a message was taken in is written in the transaction that takes it in.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from adapters.ingestion.master.tables import METADATA

_INSTANT: Any = sa.DateTime(timezone=True)
_NOW = {"server_default": sa.func.now(), "nullable": False}


class InboxBatch(SQLModel, table=True):
    """A batch: a folder, or a file that came alone, each time that it is delivered."""

    metadata = METADATA
    __tablename__ = "inbox_batch"
    __table_args__ = (
        sa.UniqueConstraint("inbox", "path", "delivery", name="inbox_batch_delivery"),
    )

    id: int | None = Field(default=None, sa_type=sa.BigInteger, primary_key=True)
    inbox: str = Field(sa_type=sa.Text)
    path: str = Field(sa_type=sa.Text)
    """In the inbox."""
    delivery: int
    """1, and one more each time that a batch of this path comes again."""
    marker: str | None = Field(default=None, sa_type=sa.Text)
    """What the inbox says of the file that completed it: another one is another delivery."""
    status: str = Field(sa_type=sa.Text)
    """waiting, taking, acknowledged (all is answered, and it is to be moved), done."""
    reason: str | None = Field(default=None, sa_type=sa.Text)
    """What it waits for."""
    sender: str | None = Field(default=None, sa_type=sa.Text)
    sender_name: str | None = Field(default=None, sa_type=sa.Text)
    recipient: str | None = Field(default=None, sa_type=sa.Text)
    choreography: int | None = None
    """Version of the manifest: 12 to 18."""
    is_test: bool = Field(sa_column_kwargs={"server_default": sa.false()})
    notes: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text))
    seen_at: datetime = Field(sa_type=_INSTANT, sa_column_kwargs=_NOW, nullable=False)
    begun_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    done_at: datetime | None = Field(default=None, sa_type=_INSTANT)


class InboxMessage(SQLModel, table=True):
    """A message of a batch, also one that its manifest names in vain."""

    metadata = METADATA
    __tablename__ = "inbox_message"

    batch: int = Field(sa_type=sa.BigInteger, primary_key=True)
    path: str = Field(sa_type=sa.Text, primary_key=True)
    """In the batch."""
    position: int
    message_id: str | None = Field(default=None, sa_type=sa.Text)
    sha256: str | None = Field(default=None, sa_type=sa.Text)
    kind: str | None = Field(default=None, sa_type=sa.Text)
    status: str = Field(sa_type=sa.Text)
    """planned, applied, known, superseded, test, quarantined, missing, refused."""
    reason: str | None = Field(default=None, sa_type=sa.Text)
    notes: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text))
    flagged: int | None = None
    taken_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    acknowledgement: str | None = Field(default=None, sa_type=sa.Text)
    """Path of the file with the answer, in the inbox."""
    acknowledged_at: datetime | None = Field(default=None, sa_type=_INSTANT)
