"""`catalog status`: where the whole chain stands, for people and for machines."""

import json
import sys
from typing import Annotated, Literal

import typer

from adapters.composition.endpoints import resolve_endpoints
from adapters.composition.settings import load_settings
from adapters.figures import instant, size
from adapters.monitoring.health import (
    ChainStatus,
    GenerationStatus,
    State,
    Thresholds,
    Verdict,
    judge,
    work_of,
)
from domain.failures import Unhealthy


def register(app: typer.Typer) -> None:
    """Add `status` to the command."""
    app.command()(status)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    wait: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Wait until the chain is idle, at most so long."),
    ] = None,
    max_lag_seconds: Annotated[
        float, typer.Option(help="Behind when a record waits longer.")
    ] = Thresholds().lag_seconds,
    max_dead_letters: Annotated[
        int, typer.Option(help="Unhealthy when more records are parked.")
    ] = Thresholds().dead_letters,
    max_retained_wal_mb: Annotated[
        float, typer.Option(help="Unhealthy when a slot holds more of the master's log.")
    ] = Thresholds().retained_wal_mb,
) -> None:
    """Show each stage's positions, lag, rate and health; exit 3 when behind or unhealthy."""
    from adapters.composition import chain
    from adapters.monitoring.status import as_json as status_as_json

    settings = load_settings()
    endpoints = resolve_endpoints(settings)
    thresholds = Thresholds(
        lag_seconds=max_lag_seconds,
        dead_letters=max_dead_letters,
        retained_wal_mb=max_retained_wal_mb,
    )
    if wait is not None:
        found = chain.await_idle(settings, endpoints, seconds=wait)
    else:
        found = chain.chain_status(settings, endpoints)
    verdict = judge(found, thresholds)
    if as_json:
        print(json.dumps(status_as_json(found, verdict)))
    else:
        show(found, verdict)
    if verdict.state in (State.BEHIND, State.UNHEALTHY):
        raise Unhealthy(f"the chain is {verdict.state.value}: {'; '.join(verdict.problems)}")


def show(found: ChainStatus, verdict: Verdict) -> None:
    """Print a status as tables on standard output."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name, justify in _COLUMNS:
        table.add_column(name, justify=justify, no_wrap=True)
    for topic in found.topics:
        table.add_row(
            work_of(topic.stage, topic.read_model),
            topic.topic,
            str(topic.partitions),
            str(topic.first),
            str(topic.end),
            str(topic.position),
            str(topic.lag),
            f"{topic.lag_seconds:.1f} s",
            f"{topic.rate:.1f}/s",
        )
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 140)
    console.print(table)
    console.print("\n".join(_lines(found, verdict)), markup=False)


_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("stage", "left"),
    ("topic", "left"),
    ("partitions", "right"),
    ("first", "right"),
    ("end", "right"),
    ("position", "right"),
    ("lag", "right"),
    ("age", "right"),
    ("arriving", "right"),
)


def _lines(found: ChainStatus, verdict: Verdict) -> list[str]:
    capture = found.capture
    lines = ["", f"capture      connector {capture.connector} is {capture.connector_state}"]
    for slot in capture.slots:
        reader = "read" if slot.active else "without a reader"
        lines.append(
            f"slot         {slot.name}: {reader}, holds {size(slot.retained_bytes)} of log"
        )
    for group in found.groups:
        work = work_of(group.stage, group.read_model)
        lines.append(f"workers      {work}: {group.members} in group {group.group}")
    for generation in found.generations:
        lines.append(f"generation   {_generation(generation)}")
    parked = [f"{one.count} {work_of(one.stage, one.read_model)}" for one in found.dead_letters]
    parked_line = f"dead letters {', '.join(parked) or 'none'}"
    return [*lines, parked_line, f"state        {verdict.state.value}"]


def _generation(one: GenerationStatus) -> str:
    since = f" since {instant(one.stopped_since)} UTC" if one.stopped_since else ""
    told = ", ".join(filter(None, (one.made_for, one.note)))
    return f"{one.read_model} {one.number}: {one.phase}{since}{f' ({told})' if told else ''}"
