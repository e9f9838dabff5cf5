"""The first form of the master catalog.

Revision ID: master_0001
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "master_0001"
down_revision = None
branch_labels = ("master",)
depends_on = None

CAPTURED = (
    "party",
    "artist",
    "licensor",
    "label",
    "release",
    "recording",
    "track",
    "format",
    "deal",
    "identifier",
    "related_release",
    "contributor",
)
"""Every change of these is watched: the log must hold the whole row as it was before."""


def _written() -> tuple[sa.Column[Any], ...]:
    """Columns that every table has beside its own: who last wrote the row, and when."""
    return (
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.now(),
            nullable=False,
        ),
    )


def upgrade() -> None:
    """Create all tables; the schema is the connection's search path."""
    op.create_table(
        "party",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("name", sa.String()),
        sa.Column("dpid", sa.String()),
        sa.Column("isni", sa.String()),
        *_written(),
    )
    op.create_table(
        "artist",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("party_id", sa.String()),
        sa.Column("display_name", sa.String()),
        sa.Column("sort_name", sa.String()),
        *_written(),
    )
    op.create_table(
        "licensor",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("party_id", sa.String()),
        *_written(),
    )
    op.create_table(
        "label",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("licensor_id", sa.String()),
        sa.Column("party_id", sa.String()),
        sa.Column("name", sa.String()),
        *_written(),
    )
    op.create_table(
        "release",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("licensor_id", sa.String()),
        sa.Column("label_id", sa.String()),
        sa.Column("artist_id", sa.String()),
        sa.Column("release_type", sa.String()),
        sa.Column("title", sa.String()),
        sa.Column("version_title", sa.String()),
        sa.Column("display_artist", sa.String()),
        sa.Column("release_year", sa.Integer()),
        sa.Column("original_release_date", sa.Date()),
        sa.Column("added_at", sa.DateTime(timezone=True)),
        sa.Column("parental_warning", sa.String()),
        sa.Column("pline", sa.String()),
        sa.Column("cline", sa.String()),
        sa.Column("duration_ms", sa.Integer()),
        sa.Column("track_count", sa.Integer()),
        sa.Column("tags", postgresql.ARRAY(sa.Text())),
        sa.Column("image_url", sa.String()),
        sa.Column("url", sa.String()),
        sa.Column("status", sa.String()),
        *_written(),
    )
    op.create_table(
        "recording",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("licensor_id", sa.String()),
        sa.Column("artist_id", sa.String()),
        sa.Column("kind", sa.String()),
        sa.Column("title", sa.String()),
        sa.Column("version_title", sa.String()),
        sa.Column("display_artist", sa.String()),
        sa.Column("duration_ms", sa.Integer()),
        sa.Column("parental_warning", sa.String()),
        sa.Column("language", sa.String()),
        sa.Column("pline", sa.String()),
        *_written(),
    )
    op.create_table(
        "track",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("release_id", sa.String()),
        sa.Column("recording_id", sa.String()),
        sa.Column("artist_id", sa.String()),
        sa.Column("disc_number", sa.Integer()),
        sa.Column("track_number", sa.Integer()),
        sa.Column("title", sa.String()),
        sa.Column("version_title", sa.String()),
        sa.Column("display_artist", sa.String()),
        sa.Column("kind", sa.String()),
        sa.Column("duration_ms", sa.Integer()),
        sa.Column("parental_warning", sa.String()),
        sa.Column("popularity", sa.Float()),
        sa.Column("url", sa.String()),
        *_written(),
    )
    op.create_index("track_release", "track", ["release_id"])
    op.create_table(
        "format",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("release_id", sa.String()),
        sa.Column("track_id", sa.String()),
        sa.Column("code", sa.String()),
        sa.Column("namespace", sa.String()),
        sa.Column("codec", sa.String()),
        sa.Column("bitrate", sa.Integer()),
        sa.Column("sample_rate", sa.Integer()),
        sa.Column("bit_depth", sa.Integer()),
        sa.Column("channels", sa.Integer()),
        *_written(),
    )
    op.create_index("format_release", "format", ["release_id"])
    op.create_index("format_track", "format", ["track_id"])
    op.create_table(
        "deal",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("release_id", sa.String()),
        sa.Column("track_id", sa.String()),
        sa.Column("commercial_model", sa.String()),
        sa.Column("use_type", sa.String()),
        sa.Column("valid_from", sa.DateTime(timezone=True)),
        sa.Column("valid_to", sa.DateTime(timezone=True)),
        sa.Column("is_preorder", sa.Boolean()),
        sa.Column("display_from", sa.DateTime(timezone=True)),
        sa.Column("preview_from", sa.DateTime(timezone=True)),
        sa.Column("territories", postgresql.ARRAY(sa.Text())),
        sa.Column("excluded_territories", postgresql.ARRAY(sa.Text())),
        sa.Column("prices", postgresql.JSONB()),
        sa.Column("is_takedown", sa.Boolean()),
        *_written(),
    )
    op.create_index("deal_release", "deal", ["release_id"])
    op.create_index("deal_track", "deal", ["track_id"])
    op.create_table(
        "identifier",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("owner_type", sa.String()),
        sa.Column("owner_id", sa.String()),
        sa.Column("scheme", sa.String()),
        sa.Column("namespace", sa.String()),
        sa.Column("value_raw", sa.String()),
        sa.Column("value", sa.String()),
        sa.Column("is_valid", sa.Boolean()),
        sa.Column("flaw", sa.String()),
        *_written(),
    )
    op.create_index("identifier_owner", "identifier", ["owner_id", "owner_type"])
    op.create_index("identifier_value", "identifier", ["value", "scheme"])
    op.create_table(
        "related_release",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("release_id", sa.String()),
        sa.Column("relation", sa.String()),
        sa.Column("scheme", sa.String()),
        sa.Column("namespace", sa.String()),
        sa.Column("value", sa.String()),
        *_written(),
    )
    op.create_index("related_release_release", "related_release", ["release_id"])
    op.create_table(
        "contributor",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("owner_type", sa.String()),
        sa.Column("owner_id", sa.String()),
        sa.Column("party_id", sa.String()),
        sa.Column("role", sa.String()),
        sa.Column("sequence", sa.Integer()),
        *_written(),
    )
    op.create_index("contributor_owner", "contributor", ["owner_id", "owner_type"])
    op.create_table(
        "flaw",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("owner_type", sa.String()),
        sa.Column("owner_id", sa.String()),
        sa.Column("field", sa.String()),
        sa.Column("value_raw", sa.String()),
        sa.Column("rule", sa.String()),
        *_written(),
    )
    op.create_index("flaw_owner", "flaw", ["owner_id", "owner_type"])
    op.create_table(
        "ern_message",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("kind", sa.String()),
        sa.Column("source", sa.String()),
        sa.Column("sender_dpid", sa.String()),
        sa.Column("thread_id", sa.String()),
        sa.Column("sender_message_id", sa.String()),
        sa.Column("created_at", sa.DateTime(timezone=True)),
        sa.Column("ern_version", sa.String()),
        sa.Column("sha256", sa.String()),
        sa.Column("status", sa.String()),
        sa.Column("verdict", sa.String()),
        *_written(),
    )
    op.create_index("ern_message_sha256", "ern_message", ["sha256"])
    op.create_table(
        "statement",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True)),
        sa.Column("weight", sa.Integer()),
        sa.Column("owned", postgresql.JSONB()),
        *_written(),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("source", sa.String()),
        sa.Column("sha256", sa.String()),
        sa.Column("line", sa.Integer()),
        sa.Column("reason", sa.String()),
        sa.Column("content", sa.LargeBinary()),
        *_written(),
    )
    for table in CAPTURED:
        op.execute(f"ALTER TABLE {table} REPLICA IDENTITY FULL")


def downgrade() -> None:
    """Drop all tables."""
    for table in (*CAPTURED, "flaw", "ern_message", "statement", "quarantine"):
        op.drop_table(table)
