"""Inboxes: the batches that senders delivered, and what became of each of their messages.

Revision ID: master_0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "master_0003"
down_revision = "master_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "inbox_batch",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("inbox", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("delivery", sa.Integer, nullable=False),
        sa.Column("marker", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("sender", sa.Text),
        sa.Column("sender_name", sa.Text),
        sa.Column("recipient", sa.Text),
        sa.Column("choreography", sa.Integer),
        sa.Column("is_test", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("notes", ARRAY(sa.Text)),
        sa.Column("seen_at", instant, nullable=False, server_default=sa.func.now()),
        sa.Column("begun_at", instant),
        sa.Column("done_at", instant),
        sa.UniqueConstraint("inbox", "path", "delivery", name="inbox_batch_delivery"),
    )
    op.create_table(
        "inbox_message",
        sa.Column("batch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("message_id", sa.Text),
        sa.Column("sha256", sa.Text),
        sa.Column("kind", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("notes", ARRAY(sa.Text)),
        sa.Column("flagged", sa.Integer),
        sa.Column("taken_at", instant),
        sa.Column("acknowledgement", sa.Text),
        sa.Column("acknowledged_at", instant),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("inbox_message")
    op.drop_table("inbox_batch")
