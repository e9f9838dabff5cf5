"""New releases per label and day: two tables, and the view that is asked."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "new_releases_0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.Text(collation="C")

PER_LABEL_AND_DAY = """
CREATE VIEW per_label_and_day AS
SELECT n.label_id, l.name AS label, n.day, n.release_count, n.releases
FROM (
    SELECT r.label_id, r.day, count(*) AS release_count,
           json_agg(json_build_object('id', r.id, 'title', r.title, 'artist', r.display_artist,
                                      'type', r.release_type) ORDER BY r.id) AS releases
    FROM release r WHERE r.day IS NOT NULL
    GROUP BY r.day, r.label_id
) n LEFT JOIN label l ON l.id = n.label_id
"""
COMMENT = """COMMENT ON VIEW per_label_and_day IS
    'What came out on a day on a label: how many releases, and which (JSON). No name: the label is '
    'unknown; no id either: the releases name none.'"""


def upgrade() -> None:
    """Apply."""
    _table("label", sa.Column("name", sa.Text))
    _table(
        "release",
        sa.Column("label_id", ID),
        sa.Column("day", sa.Date),
        sa.Column("title", sa.Text),
        sa.Column("display_artist", sa.Text),
        sa.Column("release_type", sa.Text),
    )
    op.create_index("release_day", "release", ["day", "label_id"])
    op.create_index("release_label_day", "release", ["label_id", "day"])
    op.execute(PER_LABEL_AND_DAY)
    op.execute(COMMENT)


def downgrade() -> None:
    """Undo."""
    op.execute("DROP VIEW per_label_and_day")
    op.drop_table("release")
    op.drop_table("label")


def _table(name: str, *columns: sa.Column[Any]) -> None:
    """Make a read table: the row's id, the event that last wrote it, and its own columns."""
    op.create_table(
        name,
        sa.Column("id", ID, primary_key=True),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("event_partition", sa.Integer, nullable=False),
        sa.Column("event_offset", sa.BigInteger, nullable=False),
        *columns,
    )
