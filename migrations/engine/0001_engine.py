"""Generations, checkpoints and dead letters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "engine_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    now = sa.text("now()")
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "generation",
        sa.Column("read_model", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("schema_name", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("target", JSONB, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("note", sa.Text),
        sa.Column("progress", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("created_at", instant, nullable=False, server_default=now),
        sa.Column("changed_at", instant, nullable=False, server_default=now),
        sa.Column("switched_at", instant),
    )
    op.create_index(
        "generation_live",
        "generation",
        ["read_model"],
        unique=True,
        postgresql_where=sa.text("phase = 'live'"),
    )
    op.create_table(
        "checkpoint",
        sa.Column("read_model", sa.Text, primary_key=True),
        sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("moved_at", instant, nullable=False, server_default=now),
    )
    # Updated by every transaction of every worker: room for the next version on the same page.
    op.execute("ALTER TABLE checkpoint SET (fillfactor = 10)")
    op.create_table(
        "dead_letter",
        sa.Column("number", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("read_model", sa.Text, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("key", sa.LargeBinary),
        sa.Column("value", sa.LargeBinary),
        sa.Column("headers", JSONB, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("parked_at", instant, nullable=False, server_default=now),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.UniqueConstraint(
            "stage", "read_model", "generation", "topic", "partition", "offset",
            name="dead_letter_position",
        ),
    )  # fmt: skip
    op.create_index(
        "dead_letter_key",
        "dead_letter",
        ["stage", "read_model", "generation", "topic", "key"],
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("dead_letter")
    op.drop_table("checkpoint")
    op.drop_table("generation")
