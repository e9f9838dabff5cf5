"""`catalog status`: where the whole chain stands, for people and for machines."""

import json
from typing import Annotated

import typer

from adapters.cli import tables
from adapters.cli.tables import Figure
from adapters.composition.endpoints import resolve_endpoints
from adapters.composition.settings import load_settings
from adapters.figures import instant, number, size, span
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
        typer.Option(metavar="SECONDS", help="Wait until the chain is idle, at most this long."),
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
    """Show where each stage stands; exit 3 when not well.

    Positions, lag and rate of each topic, workers, generations, dead letters, and whether the
    chain is idle, busy, behind or unhealthy. The last two end with exit code 3 and the reasons.
    """
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
        raise Unhealthy("\n  ".join([f"the chain is {verdict.state.value}:", *verdict.problems]))


def show(found: ChainStatus, verdict: Verdict) -> None:
    """Print a status as tables on standard output, one per stage."""
    for stage, read_model in dict.fromkeys((one.stage, one.read_model) for one in found.topics):
        print(work_of(stage, read_model))
        tables.show(
            ("topic", "end", "position", "lag", "age", "arriving"),
            [
                (
                    topic.topic,
                    topic.end,
                    topic.position,
                    topic.lag,
                    Figure(span(topic.lag_seconds)),
                    Figure(f"{number(round(topic.rate, 1))}/s"),
                )
                for topic in found.topics
                if (topic.stage, topic.read_model) == (stage, read_model)
            ],
        )
        print()
    print("\n".join(_lines(found, verdict)))


def _lines(found: ChainStatus, verdict: Verdict) -> list[str]:
    capture = found.capture
    lines = [f"capture      connector {capture.connector} is {capture.connector_state}"]
    for slot in capture.slots:
        reader = "has a reader" if slot.active else "has no reader"
        held = size(slot.retained_bytes)
        lines.append(f"slot         {slot.name}: {reader}, holds {held} of the master's log")
    for group in found.groups:
        work = work_of(group.stage, group.read_model)
        lines.append(f"workers      {work}: {group.members} in group {group.group}")
    for generation in found.generations:
        lines.append(f"generation   {_generation(generation)}")
    lines += [
        f"source       {one.name}: {one.state}, {number(one.lag)} records to go"
        for one in found.sources
    ]
    parked = [f"{one.count:,} {work_of(one.stage, one.read_model)}" for one in found.dead_letters]
    parked_line = f"dead letters {', '.join(parked) or 'none'}"
    lines += [
        f"stopped      {one.topic} since {instant(one.since)} UTC: {one.reason}"
        for one in found.stopped_topics
    ]
    notes = [f"note         {note}" for note in found.notes]
    return [*lines, parked_line, *notes, f"state        {verdict.state.value}"]


def _generation(one: GenerationStatus) -> str:
    since = f" since {instant(one.stopped_since)} UTC" if one.stopped_since else ""
    told = ", ".join(filter(None, (one.made_for, one.note)))
    return f"{one.read_model} {one.number}: {one.phase}{since}{f' ({told})' if told else ''}"
