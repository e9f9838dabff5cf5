"""Audits are kept: a killed one goes on, and health says what the last one of each table found."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "engine_0005"
down_revision = "engine_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    now = sa.text("now()")
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("tables", ARRAY(sa.Text), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "audit_table",
        sa.Column("audit", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("compared_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("is_clean", sa.Boolean, nullable=False),
        sa.Column("found", JSONB, nullable=False),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("audit_table")
    op.drop_table("audit")
