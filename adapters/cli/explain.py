"""`catalog explain`: the events that made a row, newest first, also of one that is gone."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.failures import Failure, WrongUsage
from domain.identifiers import is_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.explanation.explanation import Explanation

_SCANNED = 200_000


def register(app: typer.Typer) -> None:
    """Add `explain` to the command."""
    app.command()(explain)


def explain(
    kind: Annotated[str, typer.Argument(help="track, release, identifier …")],
    id_: Annotated[str, typer.Argument(metavar="ID", help="The row's id.")],
    field: Annotated[
        str | None, typer.Option(help="Only events that changed this field, or removed the row.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show so many events.")] = 20,
    scan: Annotated[
        int, typer.Option(min=0, help="Look back over so many offsets of the row's partition.")
    ] = _SCANNED,
    everything: Annotated[
        bool, typer.Option("--all", help="Show all events; look through the whole partition.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which events made a row.

    What changed, when, and from where in the master catalog. A row that is gone is explained by
    the events of its id. The log has no index of keys, so what is not found may lie further back:
    it is said how far was looked.
    """
    from adapters.composition import clients, databases
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.event_log.history import SearchLimits
    from adapters.explanation.events import concerns, state_fields
    from adapters.explanation.explanation import of_row
    from projections.catalog.queries import entities

    if kind not in entities.KINDS:
        raise WrongUsage(f"there is no kind {kind!r}; there are {', '.join(entities.KINDS)}")
    if field is not None and field not in (known := state_fields(kind)):
        raise WrongUsage(f"a {kind} has no field {field!r}; it has {', '.join(known)}")
    if not is_text(id_):
        raise WrongUsage("an id is text")
    endpoints = resolve_endpoints(load_settings(), ("read", "kafka", "registry"))
    clients.require_brokers(endpoints)
    with databases.read_queries(endpoints, "explain") as queries:
        ((_, row),) = queries.rows(entities.row(kind), {"id": id_})
    few = SearchLimits(offsets=scan, found=None if field else limit)
    history = clients.event_history(endpoints)
    told = history(of_row(kind, id_, row), SearchLimits() if everything else few)
    is_known = told.row is not None or bool(told.events)
    if told.note is not None:
        print(f"warning: {told.note}", file=sys.stderr)
    if field is not None:
        events = [event for event in told.events if concerns(event, field)]
        told = replace(told, events=events if everything else events[:limit])
    if as_json:
        sys.stdout.buffer.write(told.as_json() + b"\n")
    else:
        _print_text(told, field)
    if not is_known:
        raise Failure(
            f"neither the live catalog nor {_where(told)} knows a {kind} {id_!r}"
            + ("" if told.complete else "; --all looks through the whole partition")
        )


def _print_text(told: "Explanation", field: str | None) -> None:
    if told.row is None:
        print(f"{told.kind} {told.id} is not in the live catalog")
    for event in told.events:
        when, version = event["written_at"], event["schema"]["version"]
        head = f"{when:%Y-%m-%d %H:%M:%S.%f}"[:-3] if when else "no time"
        contract = "" if version is None else f"  schema v{version}"
        place = f"{told.topic}/{told.partition}@{event['offset']}"
        print(f"{head}  {event['type']}  {place}{contract}")
        if event["origin"]:
            print(f"    {_origin(event['origin'])}")
        if event["type"] == "undecodable":
            print(f"    {event['state']['error']}")
        for name, values in event["changes"].items():
            if field in (None, name):
                print(f"    {name}: {_change(values)}")
    which = f"events that changed {field}" if field else "events"
    print(f"{len(told.events)} {which} in {_where(told)}", end="")
    print(": all there are" if told.complete else "; older ones may exist: --all")


def _origin(origin: "Mapping[str, Any]") -> str:
    committed = origin["committed_at"]
    parts = [
        f"committed {committed:%Y-%m-%d %H:%M:%S.%f}" if committed else "commit time not known",
        f"table {origin['table']}",
        f"position {origin['position']}",
        origin["transaction"] and f"transaction {origin['transaction']}",
        origin["message"] and f"message {origin['message']}",
    ]
    return ", ".join(filter(None, parts))


def _change(values: "Mapping[str, Any]") -> str:
    import msgspec

    def text(value: object) -> str:
        return msgspec.json.encode(value).decode()

    before = f"{text(values['before'])} → " if "before" in values else ""
    return before + text(values["after"])


def _where(told: "Explanation") -> str:
    first, end = (told.scanned.first, told.scanned.end) if told.scanned else (0, 0)
    return f"offsets {first} to {max(first, end - 1)} of {told.topic}/{told.partition}"
