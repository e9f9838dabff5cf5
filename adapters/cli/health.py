"""`catalog health`: one word, an exit code, and a reason per line: for probes and for people."""

import json
from typing import Annotated

import typer

from domain.failures import Failure, Unhealthy, WrongUsage


def register(app: typer.Typer) -> None:
    """Add `health` to the command."""
    app.command()(health)


def health(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    max_lag_seconds: Annotated[
        float, typer.Option(help="Behind when a record waits longer.")
    ] = 60.0,
    max_dead_letters: Annotated[int, typer.Option(help="Unhealthy when more are parked.")] = 0,
    max_retained_wal_mb: Annotated[
        float, typer.Option(help="Unhealthy when a slot holds more of the master's log.")
    ] = 1024.0,
) -> None:
    """Say whether the whole chain works.

    Exit code 0 when it does, else 3 with the reasons. A stage without a worker, a stopped
    connector or a slot without a reader is unhealthy even when nothing is behind. An engine that
    does not answer is a reason like any other.
    """
    from adapters.composition.chain import chain_status
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.monitoring.health import State, Thresholds, judge

    settings = load_settings()
    endpoints = resolve_endpoints(settings)
    thresholds = Thresholds(
        lag_seconds=max_lag_seconds,
        dead_letters=max_dead_letters,
        retained_wal_mb=max_retained_wal_mb,
    )
    state: State = State.UNHEALTHY
    reasons: tuple[str, ...] = ()
    try:
        verdict = judge(chain_status(settings, endpoints), thresholds)
        state, reasons = verdict.state, verdict.problems
    except WrongUsage:
        raise
    except Failure as error:
        reasons = (str(error),)
    good = state in (State.IDLE, State.BUSY)
    if as_json:
        print(json.dumps({"healthy": good, "state": state.value, "reasons": list(reasons)}))
    else:
        print("healthy" if good else state.value)
    if not good:
        raise Unhealthy("\n  ".join(["the chain is " + state.value + ":", *reasons]))
