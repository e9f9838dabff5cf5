"""Whether something can be had in a country, for some uses, at a moment; on what terms; from when.

A deal covers a country when it names it, or the world, or nothing, and does not exclude it: that
is decided here, at read time, since the set of countries changes. Deals may overlap: all that hold
are shown, and `governs` marks the one whose terms apply among those of one use: the one that names
the country before a worldwide one, then the one that started last (staggered prices).
"""

OFFERS_LIMIT = 100
"""Offers that are shown of one release or track at most."""

USAGE_TYPES = ("download", "subscription_stream", "ad_supported_stream")
"""What may be asked for; a deal for anything else (a rights claim, say) is `other`."""


def _usage(kind: str) -> str:
    # A download that ends with a subscription (tethered, conditional) is a part of it.
    return f"""CASE WHEN d.use_type = 'PermanentDownload' THEN 'download'
        WHEN d.commercial_model = 'SubscriptionModel' THEN 'subscription_stream'
        WHEN d.commercial_model LIKE 'Ad%%upportedModel' THEN 'ad_supported_stream'
        ELSE '{"download" if kind == "download" else "other"}' END"""


def _deals(table: str, kind: str, condition: str, ask: str) -> str:
    usage = _usage(kind)
    return f"""SELECT d.id, d.track_id, d.commercial_model, d.use_type, {usage} AS usage_type,
        d.valid_from, d.valid_to, coalesce(d.is_preorder, false) AS is_preorder, d.display_from,
        d.preview_from, d.territories, d.excluded_territories, d.prices,
        coalesce(d.is_takedown, false) AS is_takedown,
        d.valid_from IS NULL OR d.valid_from <= {ask}.at AS holds
      FROM catalog.{table} d
      WHERE {condition} AND (d.valid_to IS NULL OR d.valid_to > {ask}.at)
        AND ({ask}.usages IS NULL OR {usage} = ANY ({ask}.usages))
        AND ({ask}.country IS NULL
             OR (coalesce(cardinality(d.territories), 0) = 0
                 OR d.territories && ARRAY[{ask}.country, 'Worldwide', '2136'])
                AND NOT coalesce({ask}.country = ANY (d.excluded_territories), false))"""


def availability(release: str, track: str | None, status: str, ask: str) -> str:
    """SQL of the JSON value.

    `release` and `track` are SQL expressions of ids; a track is available by its own deals and
    by those of its release. `status` is the release's. `ask` is the alias of a row with `country`
    (upper case or null: anywhere), `usages` (text[] or null: all) and `at`.
    """
    conditions = [f"d.release_id = {release} AND d.track_id IS NULL"]
    if track is not None:
        conditions.append(f"d.track_id = {track}")
    deals = " UNION ALL ".join(
        _deals(table, kind, condition, ask)
        for table, kind in (("download_offer", "download"), ("streaming_right", "streaming"))
        for condition in conditions
    )
    return f"""(WITH deal AS MATERIALIZED ({deals}), offer AS (
        SELECT o.*, row_number() OVER (
            PARTITION BY o.holds, o.track_id, o.usage_type, o.use_type, o.commercial_model,
                         o.is_preorder
            ORDER BY coalesce({ask}.country = ANY (o.territories), false) DESC,
                     o.valid_from DESC NULLS LAST, o.id) = 1 AS governs
        FROM deal o
        WHERE NOT o.is_takedown AND {status} IS DISTINCT FROM 'taken_down' AND NOT EXISTS (
            SELECT FROM deal t WHERE t.is_takedown AND t.holds
              AND (t.track_id IS NULL OR t.track_id = o.track_id)
              AND (t.use_type IS NULL OR t.use_type = o.use_type)
              AND (t.commercial_model IS NULL OR t.commercial_model = o.commercial_model))
        ORDER BY o.holds DESC, o.valid_from, o.id LIMIT {OFFERS_LIMIT + 1}
      )
      SELECT json_build_object(
        'country', {ask}.country,
        'state', CASE WHEN {status} = 'taken_down' THEN 'taken_down'
                      WHEN bool_or(o.holds AND NOT o.is_preorder) THEN 'available'
                      WHEN bool_or(o.holds) THEN 'preorder'
                      WHEN count(o.id) > 0 THEN 'upcoming' ELSE 'unavailable' END,
        'available', coalesce(bool_or(o.holds AND NOT o.is_preorder), false),
        'from', CASE WHEN bool_or(o.holds AND NOT o.is_preorder)
                     THEN CASE WHEN NOT bool_or(o.holds AND NOT o.is_preorder
                                                AND o.valid_from IS NULL)
                          THEN min(o.valid_from) FILTER (WHERE o.holds AND NOT o.is_preorder) END
                     ELSE min(o.valid_from) FILTER (WHERE NOT o.holds AND NOT o.is_preorder) END,
        'until', CASE WHEN NOT bool_or(o.holds AND NOT o.is_preorder AND o.valid_to IS NULL)
                      THEN max(o.valid_to) FILTER (WHERE o.holds AND NOT o.is_preorder) END,
        'offers', coalesce(json_agg(json_build_object(
            'id', o.id, 'scope', CASE WHEN o.track_id IS NULL THEN 'release' ELSE 'track' END,
            'usage_type', o.usage_type, 'use_type', o.use_type,
            'commercial_model', o.commercial_model, 'is_preorder', o.is_preorder,
            'valid_from', o.valid_from, 'valid_to', o.valid_to, 'display_from', o.display_from,
            'preview_from', o.preview_from, 'territories', o.territories,
            'excluded_territories', o.excluded_territories, 'prices', o.prices,
            'governs', {ask}.country IS NOT NULL AND o.governs)
            ORDER BY o.usage_type, o.governs DESC, o.valid_from, o.id)
          FILTER (WHERE o.holds), '[]'),
        'truncated', count(*) > {OFFERS_LIMIT}) FROM offer o)"""
