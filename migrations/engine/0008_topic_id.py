"""Checkpoints know Kafka's id of their topic: one that was made anew under its name is another."""

import sqlalchemy as sa
from alembic import op

revision = "engine_0008"
down_revision = "engine_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    # Empty until a worker or rebuild has looked: it takes over the id that it finds, once.
    op.add_column("checkpoint", sa.Column("topic_id", sa.Text))


def downgrade() -> None:
    """Undo."""
    op.execute("ALTER TABLE checkpoint DROP COLUMN topic_id CASCADE")  # with the views over it
