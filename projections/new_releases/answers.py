"""The one statement that new releases are asked with."""

from projections.read_model import answer

PER_LABEL_AND_DAY = answer(
    "new_releases",
    """
SELECT d.label_id, d.label, d.day, d.release_count, d.releases
FROM new_releases.per_label_and_day d
WHERE (%(label)s::text IS NULL OR d.label_id = %(label)s)
  AND (%(since)s::date IS NULL OR d.day >= %(since)s)
  AND (%(until)s::date IS NULL OR d.day <= %(until)s)
ORDER BY d.day DESC, d.label_id DESC LIMIT %(limit)s
""",
)
"""What came out a day on a label, the newest day first. Parameters, null for all: `label` (an id),
`since` and `until` (days, both included); `limit`. Rows: generation, label_id, label, day,
release_count, releases (JSON: id, title, artist, type of each)."""
