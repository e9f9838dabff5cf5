"""Messages are kept as long as they count, and which ones make the state of a release.

Revision ID: master_0004
"""

import sqlalchemy as sa
from alembic import op

revision = "master_0004"
down_revision = "master_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("ern_message", sa.Column("content", sa.LargeBinary()))
    op.create_table(
        "release_part",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String()),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("release_id", sa.String()),
        sa.Column("created_at", sa.DateTime(timezone=True)),
        sa.Column("weight", sa.Integer()),
        sa.Column("named", sa.String()),
        sa.Column("is_partial", sa.Boolean()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("release_part_release", "release_part", ["release_id"])
    op.create_index("release_part_message", "release_part", ["message_id"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("release_part")
    op.drop_column("ern_message", "content")
