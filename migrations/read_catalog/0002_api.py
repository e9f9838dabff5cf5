"""What the catalog API needs: when a release last changed, pages in the order of the log, search.

Rows that were written before have no `updated_at` until their next change, or a rebuild.
"""

import sqlalchemy as sa
from alembic import op

revision = "read_catalog_0002"
down_revision = "read_catalog_0001"
branch_labels = None
depends_on = None

INDEXES = {
    "release_artist": ["artist_id", "id"],
    "release_position": ["event_partition", "event_offset"],
    "release_label_position": ["label_id", "event_partition", "event_offset"],
    "release_updated": ["event_partition", "updated_at", "event_offset"],
}
OF_A_RELEASE = ("download_offer", "streaming_right", "format")


def upgrade() -> None:
    """Apply."""
    # What is for the whole release is found without passing by what its tracks have.
    for table in OF_A_RELEASE:
        op.drop_index(f"{table}_release", table)
        op.create_index(f"{table}_release", table, ["release_id", "track_id"])
    # In public: an extension exists once in a database, the generations' schemas come and go.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public")
    op.add_column("release", sa.Column("updated_at", sa.DateTime(timezone=True)))
    for name, columns in INDEXES.items():
        op.create_index(name, "release", columns)
    op.create_index(
        "release_words",
        "release",
        ["title", "display_artist"],
        postgresql_using="gin",
        postgresql_ops={"title": "gin_trgm_ops", "display_artist": "gin_trgm_ops"},
    )


def downgrade() -> None:
    """Undo; the extension stays, others may use it."""
    for name in ("release_words", *INDEXES):
        op.drop_index(name, "release")
    op.drop_column("release", "updated_at")
    for table in OF_A_RELEASE:
        op.drop_index(f"{table}_release", table)
        op.create_index(f"{table}_release", table, ["release_id"])
