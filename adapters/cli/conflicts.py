"""`catalog conflicts`: industry numbers that were given out twice."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.failures import WrongUsage

if TYPE_CHECKING:
    from projections.catalog.queries.lookup import Rows

_PAGE = 200


def register(app: typer.Typer) -> None:
    """Add `conflicts` to the command."""
    app.command()(conflicts)


def conflicts(
    scheme: Annotated[str | None, typer.Option(help="isrc, gtin or grid. Default: all.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Show so many at most.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, a number per line.")] = False,
) -> None:
    """List numbers whose owners contradict each other.

    An ISRC on recordings with different titles, or with lengths more than a second apart; a
    barcode or GRid on releases of different licensors, or on several of one.
    """
    import msgspec

    from adapters.composition.databases import read_queries
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from projections.catalog.queries.conflicts import SCHEMES

    if scheme is not None and scheme not in SCHEMES:
        raise WrongUsage(
            f"no conflicts of {scheme!r} are looked for; there are: {', '.join(SCHEMES)}"
        )
    shown = 0
    endpoints = resolve_endpoints(load_settings(), ("read",))
    with read_queries(endpoints, "conflicts") as queries:
        for one in _found(queries.rows, [scheme] if scheme else SCHEMES):
            if shown == limit:
                break
            shown += 1
            print(msgspec.json.encode(one).decode() if as_json else _text(one))
    if not shown:
        print("no number is given out twice", file=sys.stderr)


def _found(rows: "Rows", schemes: Iterable[str]) -> Iterator[dict[str, Any]]:
    from projections.catalog.queries.conflicts import conflict_page

    for scheme in schemes:
        after: str | None = ""
        while after is not None:
            page = conflict_page(rows, scheme, after, _PAGE)
            yield from page.found
            after = page.after


def _text(one: dict[str, Any]) -> str:
    head = f"{one['scheme']} {one['value']}: different {' and '.join(one['conflicts'])}"
    owners = [
        f"  {owner['owner']} {owner['id']}: {owner['title'] or 'untitled'}"
        f" ({owner['display_artist'] or 'no artist'}, licensor {owner['licensor_id'] or 'unknown'}"
        f"{_length(owner['duration_ms'])})"
        for owner in one["owners"] or []
    ]
    more = one["owner_count"] - len(owners)
    return "\n".join([head, *owners, *([f"  and {more} more"] if more > 0 else [])])


def _length(milliseconds: int | None) -> str:
    return "" if milliseconds is None else f", {milliseconds / 1000:.1f} s"
