"""Pages of templates: a whole one for a browser, the part that lives for htmx.

Everything is escaped by Jinja2; no template marks anything as safe.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from adapters.dashboard.access import Visitor
from adapters.dashboard.board import Board
from adapters.figures import ago, instant, length, number, size, span

NAVIGATION = (
    ("/", "Flow"),
    ("/deliveries", "Deliveries"),
    ("/topics", "Topics"),
    ("/workers", "Workers"),
    ("/generations", "Generations"),
    ("/dead-letters", "Dead letters"),
    ("/schemas", "Schemas"),
    ("/conflicts", "Conflicts"),
    ("/lookup", "Lookup"),
)


def local(request: Request, path: str) -> str:
    """A page's address, wherever the dashboard is mounted."""
    return f"{request.scope.get('root_path', '')}{path}"


def render(
    board: Board,
    request: Request,
    template: str,
    *,
    title: str,
    who: Visitor | None = None,
    status: int = 200,
    every: int | None = None,
    **values: Any,
) -> Response:
    """A page. `every`: seconds after which its living part is asked for again."""
    is_part = request.headers.get("hx-request") == "true"
    base = request.scope.get("root_path", "")
    path = request.url.path.removeprefix(base) or "/"
    query = f"?{request.url.query}" if request.url.query else ""
    text = _TEMPLATES.get_template(template).render(
        layout="part.html" if is_part else "page.html",
        base=base,
        path=path,
        address=f"{base}{path}{query}",
        navigation=NAVIGATION,
        title=title,
        who=who or Visitor(),
        every=every,
        chain=board.snapshots.chain.newest(),
        now=datetime.now(UTC),
        **values,
    )
    return HTMLResponse(text, status)


def query_of(values: Mapping[str, object]) -> str:
    """As the query of an address."""
    return urlencode({name: value for name, value in values.items() if value not in (None, "")})


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {
    "ago": ago,
    "span": span,
    "number": number,
    "size": size,
    "length_of": length,
    "instant": instant,
    "query": query_of,
    "json": lambda value: json.dumps(value, indent=2, ensure_ascii=False, default=str),
}
