"""What a generation is made of, and how long its phases took."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "engine_0003"
down_revision = "engine_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("generation", sa.Column("as_of", sa.DateTime(timezone=True)))
    op.add_column(
        "generation",
        sa.Column("carried", JSONB, nullable=False, server_default=sa.text("'[]'")),
    )
    op.add_column(
        "generation", sa.Column("pace", JSONB, nullable=False, server_default=sa.text("'{}'"))
    )
    # What was made to be compared or asked never serves readers, whatever a program believes.
    op.create_check_constraint(
        "generation_serves", "generation", "phase <> 'live' OR purpose = 'serve'"
    )


def downgrade() -> None:
    """Undo."""
    op.drop_constraint("generation_serves", "generation")
    for column in ("as_of", "carried", "pace"):
        op.drop_column("generation", column)
