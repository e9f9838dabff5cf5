"""Pages of releases, of search results and of contradicting numbers.

A page of changes goes by the log's own order: a cursor holds for each partition of the release
topic the offset that was read up to. A worker writes a partition's rows in offset order, so a row
that is written later lies behind the cursor and is never missed, whatever is written meanwhile; and
a rebuild changes no offset, so a cursor outlives it. What is stored later than its place in the log
says (a parked record that was resolved) is noted in `late_change`: it comes once more behind all
records that were stored by then, by the second number of a cursor, and may so come twice. An
instant (`since`) only says where to begin.
"""

from projections.catalog.queries.availability import offer_page
from projections.catalog.queries.entities import ASK, release_in
from projections.catalog.queries.parts import answer

SINCE_SLACK = "10 seconds"
"""How much the times of commits may run against the order of the log."""


def changed_releases(*, by_label: bool) -> str:
    """Releases in the order of their last change, partition by partition.

    Parameters: `partitions`, `offsets` and `lates` (arrays of equal length: read up to and with
    that offset and that late change; empty: from the start), `since`, `label` (only if `by_label`),
    `type`, `limit`, `topic` (of the releases' events), and those of availability. Rows: generation,
    body, partition, offset, late (0 for what is no late change), log (which one the offsets are
    of); one row of nulls between generation and log where there is none.
    """
    label = "AND x.label_id = %(label)s" if by_label else ""
    start = f"""SELECT x.event_offset - 1 FROM catalog.release x
            WHERE x.event_partition = p.number
              AND x.updated_at >= %(since)s::timestamptz - interval '{SINCE_SLACK}'
            ORDER BY x.updated_at, x.event_offset LIMIT 1"""
    return answer(f"""
WITH RECURSIVE p AS (
    SELECT min(event_partition) AS number FROM catalog.release
    UNION ALL
    SELECT (SELECT min(x.event_partition) FROM catalog.release x
            WHERE x.event_partition > p.number) FROM p WHERE p.number IS NOT NULL
), start AS MATERIALIZED (
    SELECT p.number, u.late, coalesce(
        u.after,
        CASE WHEN %(since)s::timestamptz IS NULL THEN -1
             ELSE coalesce(({start}), 9223372036854775807) END) AS after
    FROM p LEFT JOIN unnest(%(partitions)s::int[], %(offsets)s::bigint[], %(lates)s::bigint[])
        AS u (number, after, late) ON u.number = p.number
    WHERE p.number IS NOT NULL
), page AS MATERIALIZED (
    SELECT r.* FROM start CROSS JOIN LATERAL (
        (SELECT x.*, x.event_offset AS place, 0::bigint AS late FROM catalog.release x
        WHERE x.event_partition = start.number AND x.event_offset > start.after {label}
          AND (%(since)s::timestamptz IS NULL OR x.updated_at >= %(since)s::timestamptz)
          AND (%(type)s::text IS NULL OR x.release_type = %(type)s)
        ORDER BY x.event_offset LIMIT %(limit)s)
        UNION ALL
        (SELECT x.*, l.position - 1, l.number
        FROM catalog.late_change l JOIN catalog.release x ON x.id = l.id
        WHERE l.topic = %(topic)s AND l.partition = start.number {label}
          AND CASE WHEN start.late IS NOT NULL
              THEN (l.position - 1, l.number) > (start.after, start.late)
              ELSE l.stored_at >= %(since)s::timestamptz - interval '{SINCE_SLACK}' END
          AND (%(type)s::text IS NULL OR x.release_type = %(type)s)
        ORDER BY l.position, l.number LIMIT %(limit)s)
        ORDER BY place, late LIMIT %(limit)s) r
    ORDER BY r.event_partition, r.place, r.late LIMIT %(limit)s
)
SELECT CASE WHEN r.id IS NOT NULL THEN {release_in("r", "a")} END::text,
       r.event_partition, r.place, r.late, coalesce(
       (SELECT l.id FROM catalog.log l WHERE l.topic = %(topic)s), '') AS log
FROM {ASK} a LEFT JOIN page r ON true
ORDER BY r.event_partition, r.place, r.late
""")


def releases_of(column: str) -> str:
    """Releases of a label or artist by id; parameters `owner`, `after` (an id), `limit`.

    Rows: generation, whether the owner exists, body, id; one row of nulls where there is none.
    """
    owner = column.removesuffix("_id")
    return answer(f"""
SELECT EXISTS (SELECT FROM catalog.{owner} o WHERE o.id = %(owner)s) AS known,
       CASE WHEN r.id IS NOT NULL THEN {release_in("r", "a")} END::text, r.id
FROM {ASK} a LEFT JOIN (
    SELECT * FROM catalog.release r WHERE r.{column} = %(owner)s AND r.id > %(after)s
    ORDER BY r.id LIMIT %(limit)s) r ON true
ORDER BY r.id
""")


def offers_of(kind: str) -> str:
    """All that a release or track is offered on, in pages by the offers' ids.

    Parameters: `id`, `after` (an id), `limit`, and those of availability. Rows: generation, whether
    it exists, the instant that was asked, body, id; nulls at the end where there is none.
    """
    of = (
        "LEFT JOIN catalog.release r ON r.id = %(id)s"
        if kind == "release"
        else "LEFT JOIN catalog.track t ON t.id = %(id)s"
        " LEFT JOIN catalog.release r ON r.id = t.release_id"
    )
    release, track = ("r.id", None) if kind == "release" else ("t.release_id", "t.id")
    return answer(f"""
SELECT {kind[0]}.id IS NOT NULL AS known, a.at, o.body::text, o.id
FROM {ASK} a {of} LEFT JOIN LATERAL {offer_page(release, track, "r.status", "a")} o ON true
ORDER BY o.id
""")


SEARCH_CANDIDATES = 2000
"""Releases that are ranked at most; a search so wide that it finds more is ranked among these."""


def search(*, title: bool, artist: bool) -> str:
    """Releases whose title or artist holds words like those asked for, most alike first.

    Parameters: `title`, `artist`, `limit`. Rows: generation, body, likeness.
    """
    asked = [
        (name, column)
        for name, column, wanted in (
            ("title", "title", title),
            ("artist", "display_artist", artist),
        )
        if wanted
    ]
    found = " AND ".join(
        f"%({name})s::text OPERATOR(public.<%%) x.{column}" for name, column in asked
    )
    likeness = " + ".join(
        f"(public.word_similarity(%({name})s, x.{column})"
        f" + public.similarity(%({name})s, x.{column}))"
        for name, column in asked
    )
    return answer(f"""
SELECT CASE WHEN r.id IS NOT NULL THEN {release_in("r", "a")} END::text,
       r.likeness
FROM {ASK} a LEFT JOIN (
    SELECT x.*, ({likeness}) / {2 * len(asked)} AS likeness
    FROM (SELECT * FROM catalog.release x WHERE {found} LIMIT {SEARCH_CANDIDATES}) x
    ORDER BY likeness DESC, x.id LIMIT %(limit)s) r ON true
ORDER BY r.likeness DESC, r.id
""")


CONFLICTS = answer("""
WITH shared AS (
    SELECT i.value FROM catalog.identifier i
    WHERE i.scheme = %(scheme)s AND i.value > %(after)s
      AND i.owner_type = CASE %(scheme)s::text WHEN 'isrc' THEN 'recording' ELSE 'release' END
    GROUP BY i.value HAVING min(i.owner_id) <> max(i.owner_id)
    ORDER BY i.value
), judged AS (
    SELECT s.value, %(scheme)s::text AS scheme, o.ids[1:20] AS owners,
        cardinality(o.ids) AS owner_count,
        CASE WHEN %(scheme)s = 'isrc' THEN
            (SELECT array_remove(ARRAY[
                CASE WHEN count(DISTINCT lower(c.title)) > 1 THEN 'titles' END,
                CASE WHEN max(c.duration_ms) - min(c.duration_ms) > 1000 THEN 'lengths' END], NULL)
             FROM catalog.recording c WHERE c.id = ANY (o.ids))
        ELSE (SELECT array_remove(ARRAY[
                CASE WHEN count(DISTINCT r.licensor_id) > 1 THEN 'licensors' END,
                CASE WHEN count(*) > count(DISTINCT coalesce(r.licensor_id, ''))
                     THEN 'releases' END], NULL)
             FROM catalog.release r WHERE r.id = ANY (o.ids)) END AS conflicts
    FROM shared s CROSS JOIN LATERAL (
        SELECT array_agg(DISTINCT i.owner_id ORDER BY i.owner_id) AS ids
        FROM catalog.identifier i WHERE i.value = s.value AND i.scheme = %(scheme)s
          AND i.owner_type = CASE %(scheme)s WHEN 'isrc' THEN 'recording' ELSE 'release' END) o
), page AS (
    SELECT * FROM judged WHERE cardinality(conflicts) > 0 ORDER BY value LIMIT %(limit)s
)
SELECT CASE WHEN p.value IS NOT NULL THEN json_build_object(
           'scheme', p.scheme, 'value', p.value, 'conflicts', p.conflicts,
           'owner_count', p.owner_count, 'owners', CASE WHEN p.scheme = 'isrc' THEN
               (SELECT json_agg(json_build_object('owner', 'recording', 'id', c.id,
                    'title', c.title, 'display_artist', c.display_artist,
                    'duration_ms', c.duration_ms, 'licensor_id', c.licensor_id) ORDER BY c.id)
                FROM catalog.recording c WHERE c.id = ANY (p.owners))
           ELSE
               (SELECT json_agg(json_build_object('owner', 'release', 'id', r.id,
                    'title', r.title, 'display_artist', r.display_artist,
                    'duration_ms', r.duration_ms, 'licensor_id', r.licensor_id) ORDER BY r.id)
                FROM catalog.release r WHERE r.id = ANY (p.owners)) END) END::text,
       p.value
FROM (SELECT) one LEFT JOIN page p ON true
ORDER BY p.value
""")
"""Numbers whose owners contradict each other: an ISRC on recordings with other titles or with
lengths more than a second apart, a GTIN or GRid of two licensors or of two releases of one.
Parameters: `scheme`, `after`, `limit`. Rows: generation, body, value."""
