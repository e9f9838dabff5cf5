"""Numbers whose owners contradict each other, a page at a time."""

import json
from typing import Any

from adapters.dashboard.sight import ask
from projections.catalog.queries.lists import CONFLICTS

SCHEMES = ("isrc", "gtin")
PAGE = 50


def page(dsn: str, scheme: str, after: str) -> list[dict[str, Any]]:
    """Up to PAGE numbers after `after`, each with its owners and what they differ in."""
    rows = ask(dsn, CONFLICTS, {"scheme": scheme, "after": after, "limit": PAGE})
    return [json.loads(row[1]) for row in rows if row[1] is not None]
