"""Functions that told what is on offer without local times and the scope of takedowns go.

Nothing asks them: what is on sale is told by `projections.catalog.queries.availability` alone.

Revision ID: read_catalog_0005
"""

from alembic import op

revision = "read_catalog_0005"
down_revision = "read_catalog_0004"
branch_labels = None
depends_on = None

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


def upgrade() -> None:
    """Apply."""
    op.execute("DROP FUNCTION release_in_country, release_offer, covers")


def downgrade() -> None:
    """Undo."""
    for statement in (TERRITORY_COVERS, RELEASE_OFFER, RELEASE_IN_COUNTRY):
        op.execute(statement)
