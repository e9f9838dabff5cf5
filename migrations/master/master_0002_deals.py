"""Local times of deals, and the distribution channels for which alone they hold.

Revision ID: master_0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "master_0002"
down_revision = "master_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("deal", sa.Column("local_from", sa.String()))
    op.add_column("deal", sa.Column("local_to", sa.String()))
    op.add_column("deal", sa.Column("channels", postgresql.ARRAY(sa.Text())))


def downgrade() -> None:
    """Undo."""
    for column in ("channels", "local_to", "local_from"):
        op.drop_column("deal", column)
