"""Keys of the catalog API."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "engine_0002"
down_revision = "engine_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("scopes", ARRAY(sa.Text), nullable=False),
        sa.Column("rate", sa.Integer, nullable=False),
        sa.Column("created_at", instant, nullable=False, server_default=sa.text("now()")),
        sa.Column("revoked_at", instant),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("api_key")
