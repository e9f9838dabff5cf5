"""`catalog generate`: synthetic data, into the master catalog or straight onto the event topics."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.composition.endpoints import resolve_endpoints
from adapters.composition.settings import load_settings
from domain.failures import WrongUsage

if TYPE_CHECKING:
    from adapters.synthetic.catalog import Batch


def register(app: typer.Typer) -> None:
    """Add `generate` to the command."""
    app.command()(generate)


def generate(
    tracks: Annotated[
        int | None, typer.Option(min=1, help="A catalog of so many tracks, 12 per release.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same data.")] = 1,
    updates: Annotated[
        float, typer.Option(min=0, help="Updates for each row that is added, mostly of new ones.")
    ] = 0.0,
    as_events: Annotated[
        bool, typer.Option("--as-events", help="Onto the event topics, past master and capture.")
    ] = False,
    topic: Annotated[
        str | None, typer.Option(help="Events of one subject only (track or release).")
    ] = None,
    events: Annotated[int, typer.Option(min=1, help="With --topic: how many.")] = 1_000_000,
    keys: Annotated[int, typer.Option(min=1, help="With --topic: on how many ids.")] = 400_000,
    rate: Annotated[
        float | None,
        typer.Option(min=0.01, help="Changes per second to the rows that the master holds."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.01, help="With --rate: for how long.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as JSON.")] = False,
) -> None:
    """Make synthetic data.

    Its ids begin with `syn:`; licensors and labels are imaginary. One of --tracks (a whole
    catalog), --topic (one subject's events) or --rate (a steady load on what is there).
    """
    if find_spec("adapters.synthetic") is None:
        raise WrongUsage(
            "synthetic data isn't part of an installed wheel: run `catalog generate` from a clone"
        )
    if sum(option is not None for option in (tracks, topic, rate)) != 1:
        raise WrongUsage("give one of --tracks, --topic and --rate")
    began = time.monotonic()
    if rate is not None:
        summary = _load(rate, seconds, seed)
    elif topic is not None:
        summary = _one_topic(topic, events, keys, seed)
    elif tracks is not None and as_events:
        summary = _events(tracks, seed, updates)
    else:
        summary = _master(tracks or 0, seed, updates)
    summary["seconds"] = round(time.monotonic() - began, 1)
    if as_json:
        print(json.dumps(summary))
    else:
        print("\n".join(f"{name:24} {value}" for name, value in summary.items()))


def _master(tracks: int, seed: int, updates: float) -> dict[str, object]:
    from adapters.composition.databases import master_connection
    from adapters.synthetic.catalog import SyntheticCatalog
    from adapters.synthetic.master import write_catalog

    dsn = resolve_endpoints(load_settings(), ("master",)).master_dsn
    with master_connection(dsn, "generate") as master, _progress("rows", None) as advance:
        added, updated = write_catalog(
            master,
            SyntheticCatalog(tracks, seed, updates),
            lambda added, updated: advance(added + updated),
        )
    return {"tracks": tracks, "rows added": added, "rows updated": updated}


def _events(tracks: int, seed: int, updates: float) -> dict[str, object]:
    from adapters.synthetic.catalog import SyntheticCatalog, chunks

    return {"tracks": tracks} | _write(chunks(SyntheticCatalog(tracks, seed, updates)), seed, None)


def _one_topic(subject: str, events: int, keys: int, seed: int) -> dict[str, object]:
    from adapters.synthetic.catalog import SyntheticTopic, topic_batches

    if keys > events:
        raise WrongUsage(f"--keys {keys} is more than --events {events}: each key needs an event")
    plan = SyntheticTopic(subject, events, keys, seed)
    try:
        plan.source  # noqa: B018 - asked for its error
    except LookupError:
        raise WrongUsage(f"--topic {subject}: only track and release can stand alone") from None
    return _write(([batch] for batch in topic_batches(plan)), seed, events)


def _write(batches: Iterator["list[Batch]"], seed: int, total: int | None) -> dict[str, object]:
    from adapters.composition import clients
    from adapters.synthetic.topics import write_events

    endpoints = resolve_endpoints(load_settings(), ("kafka", "registry"))
    clients.require_brokers(endpoints)
    with clients.registry(endpoints) as registry, _progress("events", total) as advance:
        producer = clients.transactions(endpoints, f"catalog-generate-{seed}")
        written = write_events(batches, seed, producer, registry, advance)
    return {"events": written}


def _load(rate: float, seconds: float, seed: int) -> dict[str, object]:
    from adapters.composition.databases import master_connection
    from adapters.synthetic.load import LoadPlan, run_load

    dsn = resolve_endpoints(load_settings(), ("master",)).master_dsn
    total = round(rate * seconds)
    with master_connection(dsn, "generate") as master, _progress("changes", total) as advance:
        done = run_load(master, LoadPlan(rate, seconds, seed), advance)
    return {**dict(sorted(done.items())), "changes": done.total()}


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """On a terminal a bar or count; yields what tells it how many there are so far."""
    if not sys.stderr.isatty():
        yield lambda so_far: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.completed:,} " + what), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda so_far: progress.update(task, completed=so_far)
