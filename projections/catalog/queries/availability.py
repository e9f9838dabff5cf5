"""Whether something is available in a country, for some uses, at an instant; on what terms; when.

The rules, with their source in DDEX, are in docs/reference/availability.md. A deal covers a country
when it names it, or the world, or nothing, and does not exclude it: that is decided here, at read
time, since the set of countries changes. A takedown ends the deals of the release that it is for
where it holds. Deals may overlap: all that hold are shown, and `governs` marks the one whose terms
apply among those of one use: the one that names the country before a worldwide one, then the one
that started last (staggered prices). State, `from` and `until` are of all deals, however many are
shown.
"""

from domain.territories import COUNTRIES
from domain.uses import NO_OFFERS, OFFERS

OFFERS_LIMIT = 100
"""Offers that are shown of one release or track at most."""

USAGE_TYPES = ("download", "subscription_stream", "ad_supported_stream")
"""What may be asked for; a deal for anything else (a rights claim, say) is `other`."""


def _array(values: tuple[str, ...]) -> str:
    return f"'{{{','.join(values)}}}'::text[]"


_WORLD = _array(("Worldwide", "2136"))
_COUNTRIES = _array(tuple(sorted(COUNTRIES)))

_SELLS = f"""(coalesce(d.use_type = ANY ({_array(OFFERS)}), d.commercial_model IS NOT NULL)
        AND NOT coalesce(d.commercial_model = ANY ({_array(NO_OFFERS)}), false))"""
"""Whether a deal lets a consumer have it (`domain.uses`)."""


def _usage(kind: str) -> str:
    # A download that ends with a subscription (tethered, conditional) is a part of it.
    return f"""CASE WHEN NOT d.is_takedown IS TRUE AND NOT {_SELLS} THEN 'other'
        WHEN d.use_type = 'PermanentDownload' THEN 'download'
        WHEN d.commercial_model = 'SubscriptionModel' THEN 'subscription_stream'
        WHEN d.commercial_model LIKE 'Ad%%upportedModel' THEN 'ad_supported_stream'
        ELSE '{"download" if kind == "download" else "other"}' END"""


def _local(column: str, ask: str) -> str:
    """A time of a deal: where it is local, the country's (without one: of any, as it is kept)."""
    return f"""CASE WHEN {ask}.country IS NOT NULL AND d.local_{column} IS NOT NULL
        THEN d.local_{column}::timestamp AT TIME ZONE {ask}.zone ELSE d.valid_{column} END"""


def _covers(d: str, places: str) -> str:
    """Whether a deal is for a territory, given with what it is part of: `{US-NY,US}`."""
    return f"""((coalesce(cardinality({d}.territories), 0) = 0
             OR {d}.territories && ({places} || {_WORLD}))
            AND NOT coalesce({d}.excluded_territories && ({places} || {_WORLD}), false))"""


def _places(territory: str) -> str:
    """A territory and what it is part of."""
    return f"ARRAY[{territory}, split_part({territory}, '-', 1)]"


def _covers_any(d: str) -> str:
    """Whether a deal is for any territory at all."""
    return f"""(NOT coalesce({d}.excluded_territories && {_WORLD}, false)
            AND (coalesce(cardinality({d}.territories), 0) = 0
                 OR NOT {d}.territories <@ coalesce({d}.excluded_territories, '{{}}')))"""


def _deals(table: str, kind: str, condition: str, ask: str) -> str:
    usage, begins, ends = _usage(kind), _local("from", ask), _local("to", ask)
    return f"""SELECT d.id, d.release_id, d.track_id, d.commercial_model, d.use_type,
        {usage} AS usage_type, {_SELLS} AS sells, x.begins, x.ends,
        coalesce(d.is_preorder, false) AS is_preorder, d.display_from,
        d.preview_from, d.territories, d.excluded_territories, d.prices, d.channels,
        coalesce(d.is_takedown, false) AS is_takedown,
        x.begins IS NULL OR x.begins <= {ask}.at AS holds
      FROM catalog.{table} d
      CROSS JOIN LATERAL (SELECT {begins} AS begins, {ends} AS ends OFFSET 0) x
      WHERE {condition} AND (x.ends IS NULL OR x.ends > {ask}.at)
        AND ({ask}.usages IS NULL OR d.is_takedown OR {usage} = ANY ({ask}.usages))
        AND CASE WHEN {ask}.country IS NULL THEN {_covers_any("d")}
                 ELSE {_covers("d", _places(f"{ask}.country"))} END"""


def _taken_down(ask: str) -> str:
    """Whether an offer `o` has been taken down: where it was asked for, or in all its territories.

    A takedown concerns the releases that it refers to (ddex.net/dd, ern_DealTerms): an album's
    leaves its tracks' own deals alone, and theirs the album's.
    """
    matches = """t.release_id IS NOT DISTINCT FROM o.release_id
            AND (t.track_id IS NULL OR t.track_id = o.track_id)
            AND (t.use_type IS NULL OR t.use_type = o.use_type)
            AND (t.commercial_model IS NULL OR t.commercial_model = o.commercial_model)"""
    return f"""CASE WHEN NOT EXISTS (SELECT FROM takedown t WHERE {matches}) THEN false
        WHEN {ask}.country IS NOT NULL THEN true
        ELSE NOT EXISTS (
            SELECT FROM unnest(CASE WHEN coalesce(cardinality(o.territories), 0) = 0
                                      OR o.territories && {_WORLD}
                                    THEN {_COUNTRIES} ELSE o.territories END) AS p (territory)
            WHERE NOT coalesce({_places("p.territory")} && o.excluded_territories, false)
              AND NOT EXISTS (SELECT FROM takedown t
                              WHERE {matches} AND {_covers("t", _places("p.territory"))})) END"""


def _conditions(release: str, track: str | None) -> list[str]:
    """Which deals count: those for the release as a whole, and for a track its own.

    A track release holds no tracks: they are on an album. Its deals are for its track too.
    """
    whole = f"d.release_id = {release} AND d.track_id IS NULL"
    alone = f"NOT EXISTS (SELECT FROM catalog.track ot WHERE ot.release_id = {release})"
    own = f"d.release_id = {release} AND d.track_id IS NOT NULL AND {alone}"
    if track is None:
        return [whole, own]
    return [whole, f"d.track_id = {track}", f"{track} IS NULL AND {own}"]


def _offers(release: str, track: str | None, status: str, ask: str) -> str:
    """The tables of a statement that end in `fact` (one row) and `offer`: what may be shown.

    `release` and `track` are SQL expressions of ids (that of the track may be null); a track is
    available by its own deals and by those of its release. `status` is the release's. `ask` is the
    alias of a row with `country` (normal form or null: anywhere), its `zone`, `usages` (text[] or
    null: all) and `at`.
    """
    deals = " UNION ALL ".join(
        _deals(table, kind, condition, ask)
        for table, kind in (("download_offer", "download"), ("streaming_right", "streaming"))
        for condition in _conditions(release, track)
    )
    had = "o.holds AND o.sells AND NOT o.is_preorder"
    coming = "NOT o.holds AND o.sells AND NOT o.is_preorder"
    return f"""WITH deal AS MATERIALIZED ({deals}), takedown AS MATERIALIZED (
        SELECT * FROM deal t WHERE t.is_takedown AND t.holds
      ), open AS MATERIALIZED (
        SELECT o.*, row_number() OVER (
            PARTITION BY o.holds, o.release_id, o.track_id, o.usage_type, o.use_type,
                         o.commercial_model, o.is_preorder, o.channels
            ORDER BY coalesce({ask}.country = ANY (o.territories), false) DESC,
                     o.begins DESC NULLS LAST, o.id) = 1 AS governs
        FROM deal o
        WHERE NOT o.is_takedown
          AND ({status} IS DISTINCT FROM 'taken_down' OR o.release_id IS DISTINCT FROM {release})
          AND NOT {_taken_down(ask)}
      ), fact AS (
        SELECT bool_or({had}) AS is_had, bool_or(o.holds AND o.sells) AS is_held,
            bool_or(o.sells) AS is_coming, bool_or({had} AND o.begins IS NULL) AS always_had,
            bool_or({had} AND o.ends IS NULL) AS is_open,
            min(o.begins) FILTER (WHERE {had}) AS had_from,
            max(o.ends) FILTER (WHERE {had}) AS had_until,
            min(o.begins) FILTER (WHERE {coming}) AS coming_from
        FROM open o
      ), offer AS (
        SELECT o.*, row_number() OVER (ORDER BY o.holds DESC, o.begins, o.id) AS position
        FROM open o CROSS JOIN fact f WHERE o.holds OR NOT coalesce(f.is_had, false)
      )"""


def _offer(ask: str) -> str:
    """JSON of an offer `o`."""
    return f"""json_build_object(
            'id', o.id, 'scope', CASE WHEN o.track_id IS NULL THEN 'release' ELSE 'track' END,
            'usage_type', o.usage_type, 'use_type', o.use_type,
            'commercial_model', o.commercial_model, 'is_preorder', o.is_preorder,
            'holds', o.holds,
            'valid_from', o.begins, 'valid_to', o.ends, 'display_from', o.display_from,
            'preview_from', o.preview_from, 'territories', o.territories,
            'excluded_territories', o.excluded_territories, 'channels', o.channels,
            'prices', o.prices, 'governs', {ask}.country IS NOT NULL AND o.holds AND o.governs)"""


def offer_page(release: str, track: str | None, status: str, ask: str) -> str:
    """A table of the offers beyond the id `after`, by id, up to `limit`: body (JSON) and id."""
    return f"""({_offers(release, track, status, ask)}
      SELECT {_offer(ask)} AS body, o.id FROM offer o WHERE o.id > %(after)s::text
      ORDER BY o.id LIMIT %(limit)s)"""


def availability(release: str, track: str | None, status: str, ask: str) -> str:
    """SQL of the JSON value; arguments as those of `_offers`."""
    return f"""({_offers(release, track, status, ask)}
      SELECT json_build_object(
        'country', {ask}.country, 'zone', CASE WHEN {ask}.country IS NOT NULL THEN {ask}.zone END,
        'state', CASE WHEN f.is_had THEN 'available' WHEN f.is_held THEN 'preorder'
                      WHEN f.is_coming THEN 'upcoming'
                      WHEN {status} = 'taken_down' THEN 'taken_down' ELSE 'unavailable' END,
        'available', coalesce(f.is_had, false),
        'from', CASE WHEN f.is_had THEN CASE WHEN NOT f.always_had THEN f.had_from END
                     ELSE f.coming_from END,
        'until', CASE WHEN NOT f.is_open THEN f.had_until END,
        'offers', (SELECT coalesce(json_agg({_offer(ask)}
            ORDER BY o.holds DESC, o.usage_type, o.governs DESC, o.begins, o.id), '[]')
          FROM offer o WHERE o.position <= {OFFERS_LIMIT}),
        'truncated', (SELECT count(*) > {OFFERS_LIMIT} FROM offer)) FROM fact f)"""
