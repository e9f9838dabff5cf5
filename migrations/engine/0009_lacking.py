"""Generations say how many rows' first events are not in the log any more."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "engine_0009"
down_revision = "engine_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    column = sa.Column("lacking", JSONB, nullable=False, server_default=sa.text("'{}'"))
    op.add_column("generation", column)


def downgrade() -> None:
    """Undo."""
    op.drop_column("generation", "lacking")
