"""`catalog new-releases`: what came out, per label and day."""

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapters.cli import tables
from domain.failures import Failure, WrongUsage

if TYPE_CHECKING:
    from adapters.composition.endpoints import Endpoints

_DAY = "%Y-%m-%d"
_SHOWN = 3
"""Titles of a day that are shown."""


def register(app: typer.Typer) -> None:
    """Add `new-releases` to the command."""
    app.command("new-releases")(new_releases)


def new_releases(
    label: Annotated[str | None, typer.Option(metavar="ID", help="Only this label.")] = None,
    since: Annotated[
        datetime | None, typer.Option("--from", formats=[_DAY], help="First day.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=[_DAY], help="Last day.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show so many at most.")] = 100,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, a label's day per line.")
    ] = False,
) -> None:
    """Show new releases per label and day, the newest day first.

    A release's day is that on which it first came out, or else the one on which it was first
    listed. Releases that are taken down are left out.
    """
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    if since is not None and until is not None and until < since:
        raise WrongUsage(f"--to {until:{_DAY}} is before --from {since:{_DAY}}")
    asked = {"label": label, "since": since, "until": until, "limit": limit}
    found = _found(resolve_endpoints(load_settings(), ("read",)), asked)
    if as_json:
        for day in found:
            print(json.dumps(day, default=str))
        return
    if not found:
        print("nothing came out", file=sys.stderr)
        return
    _print(found)


def _found(endpoints: "Endpoints", asked: dict[str, Any]) -> list[dict[str, Any]]:
    from adapters.composition.databases import read_queries
    from adapters.read_database.querying import NoReadTables
    from projections.new_releases.queries import PER_LABEL_AND_DAY, Day

    try:
        with read_queries(endpoints, "new releases", {}) as queries:
            return [Day(*row)._asdict() for row in queries.rows(PER_LABEL_AND_DAY, asked)]
    except NoReadTables as error:
        raise Failure(
            "there are no new releases yet: run `catalog rebuild --model new_releases` first"
        ) from error


def _print(found: Iterable[dict[str, Any]]) -> None:
    """Show days of labels as a table on standard output."""
    rows: list[tuple[tables.Cell, ...]] = []
    for one in found:
        titles = [str(release["title"] or release["id"]) for release in one["releases"]]
        more = f" and {len(titles) - _SHOWN} more" if len(titles) > _SHOWN else ""
        rows.append(
            (
                f"{one['day']}",
                one["label"] or ("not in the catalog" if one["label_id"] else "no label"),
                one["label_id"],
                one["release_count"],
                ", ".join(titles[:_SHOWN]) + more,
            )
        )
    tables.show(("day", "label", "id", "releases", "titles"), rows)
