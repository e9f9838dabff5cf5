"""Numbers whose owners contradict each other, a page at a time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from projections.catalog.queries.lists import CONFLICTS
from projections.catalog.queries.lookup import Rows

SCHEMES = ("isrc", "gtin", "grid")
"""What contradictions are known of."""


@dataclass(frozen=True, slots=True)
class ConflictPage:
    """Some of them, by number."""

    found: Sequence[dict[str, Any]]
    """Each as the statement's JSON: scheme, value, conflicts, owner_count, owners."""
    after: str | None
    """Where the next page begins; None where this is the last."""


def conflict_page(rows: Rows, scheme: str, after: str, limit: int) -> ConflictPage:
    """Up to `limit` numbers of one scheme beyond `after`; one instant's answer."""
    asked = {"scheme": scheme, "after": after, "limit": limit + 1}
    found = [json.loads(body) for _, body, _ in rows(CONFLICTS, asked) if body is not None]
    return ConflictPage(found[:limit], found[limit - 1]["value"] if len(found) > limit else None)
