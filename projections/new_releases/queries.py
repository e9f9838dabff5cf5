"""The one statement that new releases are asked with."""

from datetime import date
from typing import Any, NamedTuple

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
"""What came out per day and label, the newest day first. Parameters, null for all: `label` (an id),
`since` and `until` (days, both included); `limit`. Rows: see `Day`."""


class Day(NamedTuple):
    """What came out on one day on one label."""

    generation: int
    label_id: str | None
    label: str | None
    day: date | None
    release_count: int
    releases: list[dict[str, Any]]
    """id, title, artist, type of each."""
