"""Contributors of releases and recordings, and the releases that a release names."""

import sqlalchemy as sa
from alembic import op

revision = "read_catalog_0004"
down_revision = "read_catalog_0003"
branch_labels = None
depends_on = None

ID = sa.Text(collation="C")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "contributor",
        sa.Column("id", ID, primary_key=True),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("event_partition", sa.Integer, nullable=False),
        sa.Column("event_offset", sa.BigInteger, nullable=False),
        sa.Column("owner_type", ID),
        sa.Column("owner_id", ID),
        sa.Column("party_id", ID),
        sa.Column("role", sa.Text),
        sa.Column("sequence", sa.Integer),
    )
    op.create_index("contributor_owner", "contributor", ["owner_id", "owner_type"])
    op.create_index("contributor_party", "contributor", ["party_id"])
    op.create_table(
        "related_release",
        sa.Column("id", ID, primary_key=True),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("event_partition", sa.Integer, nullable=False),
        sa.Column("event_offset", sa.BigInteger, nullable=False),
        sa.Column("release_id", ID),
        sa.Column("relation", sa.Text),
        sa.Column("scheme", ID),
        sa.Column("namespace", ID),
        sa.Column("value", ID),
    )
    op.create_index("related_release_release", "related_release", ["release_id", "id"])
    op.create_index("related_release_value", "related_release", ["value", "scheme"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("related_release")
    op.drop_table("contributor")
