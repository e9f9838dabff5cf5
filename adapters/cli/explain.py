"""`catalog explain`: the events that made a row, newest first, also of one that is gone."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.failures import Failure, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.composition.endpoints import Endpoints
    from adapters.event_log.history import History
    from adapters.explanation.explanation import Explained
    from projections.ports.event_log import Bounds
    from projections.ports.event_log import TopicPartition as Partition

    Row = Mapping[str, Any]

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
    from adapters.composition import clients
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.event_log.history import Limits
    from adapters.explanation.explanation import Explainer, changes, state_fields
    from projections.catalog.queries.entities import KINDS

    if kind not in KINDS:
        raise WrongUsage(f"there is no kind {kind!r}; there are {', '.join(KINDS)}")
    if field is not None and field not in (known := state_fields(kind)):
        raise WrongUsage(f"a {kind} has no field {field!r}; it has {', '.join(known)}")
    endpoints = resolve_endpoints(load_settings(), ("read", "kafka", "registry"))
    clients.require_brokers(endpoints)
    row = _row(endpoints.read_dsn, kind, id_)
    at, bounds = _place(endpoints, kind, id_, row)
    few = Limits(offsets=scan, found=None if field else limit)
    limits = Limits() if everything else few
    found = clients.look_back(endpoints, at, id_.encode(), bounds, limits)
    with clients.registry(endpoints) as registry:
        explainer = Explainer(registry)
        events = [explainer.explained(record) for record in found.records]
    pairs = list(zip(events, changes(events), strict=True))
    if field is not None:
        pairs = [(event, changed) for event, changed in pairs if _concerns(event, field)]
        pairs = pairs if everything else pairs[:limit]
    if as_json:
        _print_json(kind, id_, row, at, found, pairs)
    else:
        _print_text(kind, id_, row, at, found, pairs, field)
    if row is None and not found.records:
        raise Failure(
            f"neither the live catalog nor {_where(at, found)} knows a {kind} {id_!r}"
            + ("" if found.is_complete else "; --all looks through the whole partition")
        )


def _row(dsn: str, kind: str, id_: str) -> "Row | None":
    import psycopg

    from adapters.composition.databases import read_connection
    from projections.catalog.queries import entities

    with read_connection(dsn, "explain") as connection:
        try:
            found = connection.execute(entities.row(kind).encode(), {"id": id_}).fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise Failure(
                "there is no read catalog yet: run `catalog project` or `catalog rebuild` first"
            ) from error
    text = None if found is None else found[1]
    return None if text is None else json.loads(str(text))


def _place(
    endpoints: "Endpoints", kind: str, id_: str, row: "Row | None"
) -> "tuple[Partition, Bounds]":
    """The partition of a row's events, and the offsets up to the one that wrote it."""
    from adapters.composition import clients
    from adapters.event_log.partitioning import partition_of
    from domain.events import topic_of
    from projections.ports.event_log import Bounds

    topic = topic_of(kind)
    bounds = clients.topics(endpoints).bounds([topic])
    if row is None:
        at = (topic, partition_of(id_.encode(), len(bounds)))
        return at, bounds[at]
    at = (topic, row["event_partition"])
    return at, Bounds(bounds[at].first, row["event_offset"] + 1)


def _concerns(event: "Explained", field: str) -> bool:
    from domain.events import EVENT_TYPES, Effect

    removals = {one.__name__ for one in EVENT_TYPES if one.EFFECT is Effect.REMOVAL}
    return field in event["changed"] or event["type"] in removals | {"undecodable"}


def _print_json(
    kind: str,
    id_: str,
    row: "Row | None",
    at: "Partition",
    found: "History",
    pairs: "list[tuple[Explained, dict[str, Any]]]",
) -> None:
    import msgspec

    body = {
        "kind": kind,
        "id": id_,
        "row": row,
        "topic": at[0],
        "partition": at[1],
        "events": [{**event, "changes": changed} for event, changed in pairs],
        "complete": found.is_complete,
        "scanned": {"from": found.scanned.first, "to": found.scanned.end},
    }
    sys.stdout.buffer.write(msgspec.json.encode(body) + b"\n")


def _print_text(
    kind: str,
    id_: str,
    row: "Row | None",
    at: "Partition",
    found: "History",
    pairs: "list[tuple[Explained, dict[str, Any]]]",
    field: str | None,
) -> None:
    if row is None:
        print(f"{kind} {id_} is not in the live catalog")
    for event, changed in pairs:
        when, version = event["written_at"], event["schema"]["version"]
        head = f"{when:%Y-%m-%d %H:%M:%S.%f}"[:-3] if when else "no time"
        contract = "" if version is None else f"  schema v{version}"
        print(f"{head}  {event['type']}  {at[0]}/{at[1]}@{event['offset']}{contract}")
        if event["origin"]:
            print(f"    {_origin(event['origin'])}")
        if event["type"] == "undecodable":
            print(f"    {event['state']['error']}")
        for name, values in changed.items():
            if field in (None, name):
                print(f"    {name}: {_change(values)}")
    which = f"events that changed {field}" if field else "events"
    print(f"{len(pairs)} {which} in {_where(at, found)}", end="")
    print(": all there are" if found.is_complete else "; older ones may exist: --all")


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


def _where(at: "Partition", found: "History") -> str:
    scanned = found.scanned
    return f"offsets {scanned.first} to {max(scanned.first, scanned.end - 1)} of {at[0]}/{at[1]}"
