"""The read catalog: its tables, and the view and functions that a catalog API asks.

The functions have bodies in standard SQL (BEGIN ATOMIC): their names are bound when they are made,
so they go with their generation when its schema is renamed.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "read_catalog_0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.Text(collation="C")
INSTANT = sa.DateTime(timezone=True)
TABLES = (
    "party", "artist", "licensor", "label", "release", "recording", "track", "format",
    "download_offer", "streaming_right", "identifier",
)  # fmt: skip
DEAL_TABLES = ("download_offer", "streaming_right")

RELEASE_TRACK = """
CREATE VIEW release_track AS
SELECT track.release_id,
       release.title AS release_title,
       release.version_title AS release_version_title,
       release.display_artist AS release_display_artist,
       release.status AS release_status,
       track.id AS track_id,
       track.disc_number,
       track.track_number,
       coalesce(track.title, recording.title) AS title,
       coalesce(track.version_title, recording.version_title) AS version_title,
       coalesce(track.display_artist, recording.display_artist) AS display_artist,
       coalesce(track.duration_ms, recording.duration_ms) AS duration_ms,
       coalesce(track.parental_warning, recording.parental_warning) AS parental_warning,
       track.recording_id,
       coalesce(recording.kind, track.kind) AS kind
FROM track
LEFT JOIN release ON release.id = track.release_id
LEFT JOIN recording ON recording.id = track.recording_id
"""

TERRITORY_COVERS = """
CREATE FUNCTION covers(territories text[], excluded text[], country text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (coalesce(cardinality(territories), 0) = 0
        OR territories && ARRAY[upper(country), 'Worldwide', '2136'])
       AND NOT coalesce(upper(country) = ANY (excluded), false)
"""

RELEASE_OFFER = """
CREATE FUNCTION release_offer(release text, country text, moment timestamptz)
RETURNS TABLE (
    kind text, id text, release_id text, track_id text, commercial_model text, use_type text,
    valid_from timestamptz, valid_to timestamptz, is_preorder boolean,
    display_from timestamptz, preview_from timestamptz, prices jsonb
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH deal AS MATERIALIZED (
        SELECT 'download' AS kind, d.id, d.release_id, d.track_id, d.commercial_model, d.use_type,
               d.valid_from, d.valid_to, d.is_preorder, d.display_from, d.preview_from,
               d.prices, coalesce(d.is_takedown, false) AS is_takedown
        FROM download_offer d
        WHERE (d.release_id = release_offer.release
               OR d.track_id = ANY (ARRAY(
                   SELECT t.id FROM track t WHERE t.release_id = release_offer.release)))
          AND (d.valid_from IS NULL OR d.valid_from <= moment)
          AND (d.valid_to IS NULL OR moment < d.valid_to)
          AND covers(d.territories, d.excluded_territories, country)
        UNION ALL
        SELECT 'streaming', d.id, d.release_id, d.track_id, d.commercial_model, d.use_type,
               d.valid_from, d.valid_to, d.is_preorder, d.display_from, d.preview_from,
               d.prices, coalesce(d.is_takedown, false)
        FROM streaming_right d
        WHERE (d.release_id = release_offer.release
               OR d.track_id = ANY (ARRAY(
                   SELECT t.id FROM track t WHERE t.release_id = release_offer.release)))
          AND (d.valid_from IS NULL OR d.valid_from <= moment)
          AND (d.valid_to IS NULL OR moment < d.valid_to)
          AND covers(d.territories, d.excluded_territories, country)
    )
    SELECT offer.kind, offer.id, offer.release_id, offer.track_id, offer.commercial_model,
           offer.use_type, offer.valid_from, offer.valid_to, offer.is_preorder,
           offer.display_from, offer.preview_from, offer.prices
    FROM deal offer
    WHERE NOT offer.is_takedown
      AND NOT EXISTS (
          SELECT FROM deal takedown
          WHERE takedown.is_takedown
            AND (takedown.track_id IS NULL OR takedown.track_id = offer.track_id)
            AND (takedown.use_type IS NULL OR takedown.use_type = offer.use_type)
            AND (takedown.commercial_model IS NULL
                 OR takedown.commercial_model = offer.commercial_model))
      AND NOT EXISTS (
          SELECT FROM release r
          WHERE r.id = release_offer.release AND r.status = 'taken_down');
END
"""

RELEASE_IN_COUNTRY = """
CREATE FUNCTION release_in_country(release text, country text, moment timestamptz)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH offer AS MATERIALIZED (
        SELECT o.track_id, jsonb_strip_nulls(to_jsonb(o)) AS terms
        FROM release_offer(release_in_country.release, country, moment) o
    ), listing AS (
        SELECT coalesce(jsonb_agg(
                   to_jsonb(t) || jsonb_build_object('offers', coalesce(
                       (SELECT jsonb_agg(terms ORDER BY terms ->> 'kind', terms ->> 'id')
                        FROM offer WHERE offer.track_id = t.track_id), '[]'),
                       'identifiers', coalesce(
                       (SELECT jsonb_agg(DISTINCT jsonb_build_object(
                                   'scheme', i.scheme, 'value', i.value, 'valid', i.is_valid))
                        FROM identifier i
                        WHERE i.owner_id = t.recording_id AND i.owner_type = 'recording'
                           OR i.owner_id = t.track_id AND i.owner_type = 'track'), '[]'))
                   ORDER BY t.disc_number, t.track_number, t.track_id), '[]') AS tracks
        FROM release_track t
        WHERE t.release_id = release_in_country.release
    )
    SELECT to_jsonb(r) - ARRAY['event_id', 'event_partition', 'event_offset']
           || jsonb_build_object(
               'offers', coalesce(
                   (SELECT jsonb_agg(terms ORDER BY terms ->> 'kind', terms ->> 'id')
                    FROM offer WHERE offer.track_id IS NULL), '[]'),
               'identifiers', coalesce(
                   (SELECT jsonb_agg(DISTINCT jsonb_build_object(
                               'scheme', i.scheme, 'value', i.value, 'valid', i.is_valid))
                    FROM identifier i
                    WHERE i.owner_id = r.id AND i.owner_type = 'release'), '[]'),
               'tracks', listing.tracks)
    FROM listing, release r
    WHERE r.id = release_in_country.release;
END
"""

COMMENTS = (
    """COMMENT ON VIEW release_track IS
    'Tracks with their releases (null where the catalog lacks one) and what their recordings add.'
    """,
    """COMMENT ON FUNCTION covers(text[], text[], text) IS
    'Whether a deal covers a country (ISO 3166-1): it is listed, or Worldwide (TIS 2136) is, or '
    'nothing is, and it is not excluded. Only exclusions mean: worldwide except.'""",
    """COMMENT ON FUNCTION release_offer(text, text, timestamptz) IS
    'What is on offer of a release and its tracks in a country at a moment. Takedown deals (ERN 3) '
    'withdraw what they cover; a release that is taken down is offered nowhere.'""",
    """COMMENT ON FUNCTION release_in_country(text, text, timestamptz) IS
    'A release with its tracks, their identifiers and offers in a country at a moment; null where '
    'unknown.'""",
)


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


def upgrade() -> None:
    """Apply."""
    _table(
        "party",
        sa.Column("name", sa.Text),
        sa.Column("dpid", ID),
        sa.Column("isni", ID),
    )
    _table(
        "artist",
        sa.Column("party_id", ID),
        sa.Column("display_name", sa.Text),
        sa.Column("sort_name", sa.Text),
    )
    _table("licensor", sa.Column("party_id", ID))
    op.create_index("licensor_party", "licensor", ["party_id"])
    _table(
        "label",
        sa.Column("licensor_id", ID),
        sa.Column("party_id", ID),
        sa.Column("name", sa.Text),
    )
    op.create_index("label_licensor", "label", ["licensor_id", "id"])
    op.create_index("label_party", "label", ["party_id", "id"])
    _table(
        "release",
        sa.Column("licensor_id", ID),
        sa.Column("label_id", ID),
        sa.Column("artist_id", ID),
        sa.Column("release_type", sa.Text),
        sa.Column("title", sa.Text),
        sa.Column("version_title", sa.Text),
        sa.Column("display_artist", sa.Text),
        sa.Column("release_year", sa.Integer),
        sa.Column("original_release_date", sa.Date),
        sa.Column("added_at", INSTANT),
        sa.Column("parental_warning", sa.Text),
        sa.Column("pline", sa.Text),
        sa.Column("cline", sa.Text),
        sa.Column("duration_ms", sa.Integer),
        sa.Column("track_count", sa.Integer),
        sa.Column("tags", ARRAY(sa.Text)),
        sa.Column("image_url", sa.Text),
        sa.Column("url", sa.Text),
        sa.Column("status", ID),
    )
    op.create_index("release_label", "release", ["label_id", "id"])
    op.create_index("release_licensor", "release", ["licensor_id", "id"])
    _table(
        "recording",
        sa.Column("licensor_id", ID),
        sa.Column("artist_id", ID),
        sa.Column("kind", sa.Text),
        sa.Column("title", sa.Text),
        sa.Column("version_title", sa.Text),
        sa.Column("display_artist", sa.Text),
        sa.Column("duration_ms", sa.Integer),
        sa.Column("parental_warning", sa.Text),
        sa.Column("language", sa.Text),
        sa.Column("pline", sa.Text),
    )
    _table(
        "track",
        sa.Column("release_id", ID),
        sa.Column("recording_id", ID),
        sa.Column("artist_id", ID),
        sa.Column("disc_number", sa.Integer),
        sa.Column("track_number", sa.Integer),
        sa.Column("title", sa.Text),
        sa.Column("version_title", sa.Text),
        sa.Column("display_artist", sa.Text),
        sa.Column("kind", sa.Text),
        sa.Column("duration_ms", sa.Integer),
        sa.Column("parental_warning", sa.Text),
        sa.Column("popularity", sa.Double),
        sa.Column("url", sa.Text),
    )
    op.create_index("track_release", "track", ["release_id"])
    op.create_index("track_recording", "track", ["recording_id"])
    _table(
        "format",
        sa.Column("release_id", ID),
        sa.Column("track_id", ID),
        sa.Column("code", sa.Text),
        sa.Column("namespace", sa.Text),
        sa.Column("codec", sa.Text),
        sa.Column("bitrate", sa.Integer),
        sa.Column("sample_rate", sa.Integer),
        sa.Column("bit_depth", sa.Integer),
        sa.Column("channels", sa.Integer),
    )
    for name in DEAL_TABLES:
        _table(
            name,
            sa.Column("release_id", ID),
            sa.Column("track_id", ID),
            sa.Column("commercial_model", ID),
            sa.Column("use_type", ID),
            sa.Column("valid_from", INSTANT),
            sa.Column("valid_to", INSTANT),
            sa.Column("is_preorder", sa.Boolean),
            sa.Column("display_from", INSTANT),
            sa.Column("preview_from", INSTANT),
            sa.Column("territories", ARRAY(sa.Text)),
            sa.Column("excluded_territories", ARRAY(sa.Text)),
            sa.Column("prices", JSONB),
            sa.Column("is_takedown", sa.Boolean),
        )
    for name in ("format", *DEAL_TABLES):
        op.create_index(f"{name}_release", name, ["release_id"])
        op.create_index(
            f"{name}_track", name, ["track_id"], postgresql_where=sa.text("track_id IS NOT NULL")
        )
    _table(
        "identifier",
        sa.Column("owner_type", ID),
        sa.Column("owner_id", ID),
        sa.Column("scheme", ID),
        sa.Column("namespace", ID),
        sa.Column("value_raw", ID),
        sa.Column("value", ID),
        sa.Column("is_valid", sa.Boolean),
        sa.Column("flaw", sa.Text),
    )
    op.create_index("identifier_value", "identifier", ["value", "scheme"])
    op.create_index("identifier_owner", "identifier", ["owner_id", "owner_type"])
    op.create_index(
        "identifier_flawed",
        "identifier",
        ["value_raw"],
        postgresql_using="hash",
        postgresql_where=sa.text("NOT is_valid"),
    )
    for statement in (
        RELEASE_TRACK,
        TERRITORY_COVERS,
        RELEASE_OFFER,
        RELEASE_IN_COUNTRY,
        *COMMENTS,
    ):
        op.execute(statement)


def downgrade() -> None:
    """Undo."""
    op.execute("DROP FUNCTION release_in_country, release_offer, covers")
    op.execute("DROP VIEW release_track")
    for table in TABLES:
        op.drop_table(table)
