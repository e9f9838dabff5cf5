"""Keys of any length can be parked; a generation knows the migrations that its tables have.

An index row holds some 2,700 bytes, a key more: what is indexed is the key's hash.
"""

import sqlalchemy as sa
from alembic import op

revision = "engine_0004"
down_revision = "engine_0003"
branch_labels = None
depends_on = None

QUEUE = ["stage", "read_model", "generation", "topic"]


def upgrade() -> None:
    """Apply."""
    op.drop_index("dead_letter_key", "dead_letter")
    op.create_index("dead_letter_key", "dead_letter", [*QUEUE, sa.text("sha256(key)")])
    op.add_column("generation", sa.Column("revision", sa.Text))
    op.alter_column("generation", "pace", new_column_name="throughput")


def downgrade() -> None:
    """Undo; fails where a parked key is longer than an index row."""
    op.alter_column("generation", "throughput", new_column_name="pace")
    op.drop_column("generation", "revision")
    op.drop_index("dead_letter_key", "dead_letter")
    op.create_index("dead_letter_key", "dead_letter", [*QUEUE, "key"])
