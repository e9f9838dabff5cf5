"""`catalog events tail`: what happened and what is happening, decoded as each writer meant it."""

import sys
from contextlib import closing, suppress
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from adapters.cli.parameters import instant_named, topics_named
from domain.failures import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.event_log.avro.objects import RecordReader
    from adapters.event_log.tail import Record


def register(app: typer.Typer) -> None:
    """Add `events` and its commands."""
    events = typer.Typer(no_args_is_help=True, help="Look at the events in the log.")
    events.callback()(lambda: None)  # or typer takes its only command for the group itself
    events.command()(tail)
    app.add_typer(events, name="events")


def tail(
    topic: Annotated[
        list[str] | None,
        typer.Option(help="Topic or subject (catalog.track, track); repeatable. Default: all."),
    ] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="Event type (TrackAdded); repeatable.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Only events of this row.")] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIMESTAMP|beginning",
            help="Where to start (ISO 8601; UTC unless it says otherwise). Default: now, or with"
            " --no-follow the beginning.",
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option(help="Wait for more, or end at what is the end now.")
    ] = True,
    limit: Annotated[int | None, typer.Option(min=1, help="End after so many events.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, an event per line.")] = False,
) -> None:
    """Print events as they are in the log; Ctrl-C ends it.

    A record that is no event is printed too, with the reason.
    """
    from adapters.composition import clients
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.event_log.avro.objects import RecordReader
    from domain.events import SUBJECTS, topic_of

    known = sorted(topic_of(subject) for subject in SUBJECTS)
    topics = topics_named(topic or [], known) or known
    types = _types(type_ or [])
    instant = _instant(start, follow=follow)
    endpoints = resolve_endpoints(load_settings(), ("kafka", "registry"))
    clients.require_brokers(endpoints)
    records = clients.read_topics(endpoints, topics, instant, follow=follow)
    with (
        clients.registry(endpoints) as registry,
        closing(records),
        suppress(KeyboardInterrupt),
    ):
        for shown in islice(_chosen(records, RecordReader(registry), types, key), limit):
            _print(shown, as_json=as_json)


def _types(names: list[str]) -> set[str]:
    from domain.events import EVENT_TYPES

    known = {event.__name__ for event in EVENT_TYPES}
    if unknown := set(names) - known:
        raise WrongUsage(
            f"no such event type: {min(unknown)}; there are {', '.join(sorted(known))}"
        )
    return set(names)


def _instant(start: str | None, *, follow: bool) -> datetime | Literal["beginning", "end"]:
    if start is None:
        return "end" if follow else "beginning"
    if start == "beginning":
        return "beginning"
    return instant_named(start, "--from", also="beginning")


def _chosen(
    records: "Iterator[Record]", reader: "RecordReader", types: set[str], key: str | None
) -> "Iterator[dict[str, Any]]":
    from adapters.event_log.avro.objects import Undecodable
    from adapters.event_log.avro.wire import UnknownSchemaId

    for record in records:
        if key is not None and record.key != key.encode():
            continue
        shown: dict[str, Any] = {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "written_at": record.written_at,
            "key": None if record.key is None else record.key.decode(errors="replace"),
        }
        try:
            name, fields = reader.read(record.value)
        except (Undecodable, UnknownSchemaId) as error:
            if not types:
                yield shown | {"error": str(error)}
            continue
        name = name.rpartition(".")[2]
        if not types or name in types:
            yield shown | {"type": name, "event": fields}


def _print(shown: dict[str, Any], *, as_json: bool) -> None:
    import msgspec

    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(shown) + b"\n")
        sys.stdout.buffer.flush()
        return
    at = shown["written_at"]
    place = f"{shown['topic']}/{shown['partition']}@{shown['offset']}"
    head = f"{at:%Y-%m-%d %H:%M:%S.%f}"[:-3] if at else "no time"
    if "error" in shown:
        print(f"{head}  {place}  {shown['key']}  UNDECODABLE: {shown['error']}", flush=True)
        return
    state = {
        name: value
        for name, value in shown["event"].items()
        if value is not None and name not in ("event_id", "id", "origin")
    }
    texts = [f"{name}={msgspec.json.encode(value).decode()}" for name, value in state.items()]
    print(f"{head}  {place}  {shown['type']}  {shown['key']}  {' '.join(texts)}", flush=True)
