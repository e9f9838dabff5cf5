"""A foreign master like MusicBrainz's: track → medium → release, artist credits, labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.source.definition import MappingFile, Source, SourceTable

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "artist_credit": {"id": "integer", "name": "text"},
    "label": {"id": "integer", "name": "text"},
    "release": {
        "id": "integer",
        "gid": "text",
        "title": "text",
        "artist_credit": "integer",
        "barcode": "text",
    },
    "release_label": {"release": "integer", "label": "integer", "number": "text"},
    "medium": {"id": "integer", "release": "integer", "position": "integer"},
    "track": {
        "id": "integer",
        "medium": "integer",
        "position": "integer",
        "name": "text",
        "artist_credit": "integer",
        "isrc": "text",
    },
}
KEYS = dict.fromkeys(COLUMNS, ("id",)) | {"release_label": ("release", "label")}


@dataclass(frozen=True)
class Case:
    """A mapping, and what it needs to be told."""

    master: str
    text: str
    affects: Mapping[str, str] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()


CASES: Mapping[str, Case] = {
    "one to one": Case("release", "SELECT 'r' || id AS id, title FROM release;  -- plain"),
    "a condition": Case(
        "release", "SELECT 'r' || id AS id, title FROM release WHERE barcode IS NOT NULL"
    ),
    "an id that changes": Case(
        "release", "SELECT gid AS id, max(title) AS title FROM release GROUP BY gid"
    ),
    "three tables": Case(
        "track",
        "SELECT 't' || t.id AS id, 'r' || r.id AS release_id, m.position AS disc_number,"
        " t.position AS track_number, t.name AS title, c.name AS display_artist"
        " FROM track t JOIN medium m ON m.id = t.medium JOIN release r ON r.id = m.release"
        " JOIN artist_credit c ON c.id = t.artist_credit",
    ),
    "commas": Case(
        "track",
        "SELECT t.id, r.title FROM track t, medium m, release r"
        " WHERE m.id = t.medium AND r.id = m.release AND (m.position = 1 OR r.barcode IS NULL)",
    ),
    "itself": Case(
        "track",
        "SELECT t.id || '/' || o.id AS id, o.name AS title FROM track t"
        " JOIN track o ON o.medium = t.medium AND o.position > t.position",
    ),
    "outer joins": Case(
        "track",
        "SELECT t.id, t.name AS title, coalesce(r.title, 'none') AS version_title,"
        " c.name AS display_artist FROM track t LEFT JOIN medium m ON m.id = t.medium"
        " LEFT JOIN release r ON r.id = m.release AND m.position < 3"
        " LEFT JOIN artist_credit c ON c.id = coalesce(t.artist_credit, r.artist_credit)",
    ),
    "rows without partner": Case(
        "release",
        "SELECT r.id, r.title FROM release r LEFT JOIN medium m ON m.release = r.id"
        " WHERE m.id IS NULL",
    ),
    "an inner join behind an outer one": Case(
        "track",
        "SELECT t.id, c.name AS display_artist FROM track t LEFT JOIN medium m ON m.id = t.medium"
        " JOIN artist_credit c ON c.id = coalesce(m.position, 1)",
    ),
    "aggregates": Case(
        "release",
        "SELECT r.id, r.title, count(t.id) AS track_count, max(c.name) AS display_artist"
        " FROM release r LEFT JOIN medium m ON m.release = r.id"
        " LEFT JOIN track t ON t.medium = m.id"
        " LEFT JOIN artist_credit c ON c.id = r.artist_credit GROUP BY r.id HAVING count(*) < 3",
    ),
    "grouped subquery": Case(
        "release",
        "SELECT r.id, n.many AS track_count FROM release r LEFT JOIN"
        " (SELECT m.release AS of, count(*) AS many FROM medium m JOIN track t ON t.medium = m.id"
        " GROUP BY m.release HAVING count(*) > 1) n ON n.of = r.id",
    ),
    "lateral": Case(
        "release",
        "SELECT r.id, l.name AS title, n.many AS track_count FROM release r LEFT JOIN LATERAL"
        " (SELECT l.name FROM release_label rl JOIN label l ON l.id = rl.label"
        " WHERE rl.release = r.id ORDER BY l.name, l.id LIMIT 1) l ON true"
        " CROSS JOIN LATERAL (SELECT count(*) AS many FROM medium m WHERE m.release = r.id) n",
    ),
    "subqueries": Case(
        "release",
        "SELECT r.id, (SELECT string_agg(name, ',' ORDER BY name, id) FROM artist_credit c"
        " WHERE c.id = r.artist_credit) AS display_artist,"
        " EXISTS (SELECT FROM medium m WHERE m.release = r.id)::text AS status FROM release r"
        " WHERE NOT EXISTS (SELECT FROM release_label rl JOIN label l ON l.id = rl.label"
        " WHERE rl.release = r.id AND l.name = 'a')",
    ),
    "in": Case(
        "release",
        "SELECT r.id, r.title FROM release r WHERE r.id IN"
        " (SELECT m.release FROM medium m JOIN track t ON t.medium = m.id)",
    ),
    "not in": Case(
        "release",
        "SELECT r.id, r.title FROM release r WHERE r.id NOT IN (SELECT release FROM medium)",
    ),
    "distinct": Case(
        "artist",
        "SELECT DISTINCT c.name AS id, c.name AS display_name"
        " FROM artist_credit c JOIN track t ON t.artist_credit = c.id",
    ),
    "distinct on": Case(
        "release",
        "SELECT DISTINCT ON (m.release) m.release AS id, t.name AS title FROM medium m"
        " JOIN track t ON t.medium = m.id ORDER BY m.release, m.position, t.position, t.id",
    ),
    "window": Case(
        "release",
        "SELECT id, title FROM (SELECT m.release AS id, m.id::text AS title, row_number()"
        " OVER (PARTITION BY m.release ORDER BY m.position, m.id) AS place FROM medium m) x"
        " WHERE place = 1",
        whole=frozenset({"medium"}),
    ),
    "window by id": Case(
        "release",
        "SELECT DISTINCT m.release AS id, count(*) OVER (PARTITION BY m.release) AS track_count"
        " FROM medium m",
    ),
    "union": Case(
        "identifier",
        "SELECT 'u' || id AS id, 'release' AS owner_type, 'r' || id AS owner_id, 'upc' AS scheme,"
        " barcode AS value_raw FROM release UNION ALL SELECT 'i' || t.id, 'track', 't' || t.id,"
        " 'isrc', t.isrc FROM track t JOIN medium m ON m.id = t.medium",
    ),
    "except": Case(
        "release", "SELECT id, title FROM release EXCEPT SELECT id, name FROM artist_credit"
    ),
    "with": Case(
        "track",
        "WITH placed AS (SELECT t.*, m.position AS disc, m.release AS of FROM track t"
        " JOIN medium m ON m.id = t.medium), credits AS (SELECT id, name FROM artist_credit)"
        " SELECT p.id, p.disc AS disc_number, p.name AS title, r.title AS version_title,"
        " c.name AS display_artist FROM placed p JOIN release r ON r.id = p.of"
        " LEFT JOIN credits c ON c.id = p.artist_credit",
    ),
    "using": Case(
        "label",
        "SELECT l.id, l.name || count(rl.release) AS name FROM label l LEFT JOIN"
        " (SELECT release, label AS id FROM release_label) rl USING (id) GROUP BY l.id",
    ),
    "function": Case(
        "contributor",
        "SELECT r.id || '/' || w.word AS id, max(c.name) AS role FROM release r"
        " CROSS JOIN unnest(string_to_array(r.title, 'b')) AS w(word)"
        " LEFT JOIN artist_credit c ON c.id = r.artist_credit GROUP BY r.id, w.word",
    ),
    "a hint": Case(
        "track",
        "SELECT t.id, t.name AS title, row_number() OVER (PARTITION BY m.release"
        " ORDER BY m.position, t.position, t.id) AS track_number"
        " FROM track t JOIN medium m ON m.id = t.medium",
        affects={
            "track": "SELECT t.id FROM changed JOIN medium m ON m.id = changed.medium"
            " JOIN medium o ON o.release IS NOT DISTINCT FROM m.release"
            " JOIN track t ON t.medium = o.id",
            "medium": "SELECT t.id FROM changed c JOIN medium o"
            " ON o.release IS NOT DISTINCT FROM c.release JOIN track t ON t.medium = o.id",
        },
    ),
    "several of one id": Case(
        "release", "SELECT m.release AS id, m.id::text AS title FROM medium m"
    ),
    "a join that fails": Case(
        "track",
        "SELECT t.id, m.id::text AS title FROM track t JOIN medium m ON m.id = t.medium"
        " LEFT JOIN release r ON r.id = 6 / (t.position - 1)",
    ),
    "rows that fail": Case(
        "release",
        "SELECT m.release AS id, (10 / nullif(m.position, 3) / (m.position - 1))::text AS title"
        " FROM medium m JOIN release r ON r.id = m.release",
    ),
}


def source_of(*cases: Case) -> Source:
    """A source with these mappings."""
    return Source(
        name="music",
        tables={t: SourceTable(t, KEYS[t], COLUMNS[t]) for t in COLUMNS},
        mappings={c.master: MappingFile(c.master, c.text, c.affects, c.whole) for c in cases},
    )
