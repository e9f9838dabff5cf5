"""Local times of deals, and the distribution channels for which alone they hold.

Deals that were written before have none until their next change, or a rebuild.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "read_catalog_0003"
down_revision = "read_catalog_0002"
branch_labels = None
depends_on = None

TABLES = ("download_offer", "streaming_right")


def upgrade() -> None:
    """Apply."""
    for table in TABLES:
        op.add_column(table, sa.Column("local_from", sa.Text()))
        op.add_column(table, sa.Column("local_to", sa.Text()))
        op.add_column(table, sa.Column("channels", postgresql.ARRAY(sa.Text())))


def downgrade() -> None:
    """Undo."""
    for table in TABLES:
        for column in ("channels", "local_to", "local_from"):
            op.drop_column(table, column)
