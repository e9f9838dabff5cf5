"""`catalog dead-letters`: records that could not be used, to look at, try again or discard."""

import base64
import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.cli import tables
from adapters.cli.native_output import without_panics
from adapters.cli.read_models import OnlyModel
from domain.failures import Failure, WrongUsage

if TYPE_CHECKING:
    from adapters.composition.endpoints import Endpoints
    from adapters.composition.settings import Settings
    from projections.ports.dead_letters import DeadLetter, DeadLetters

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Numbers = Annotated[list[int] | None, typer.Argument(metavar="NUMBER", help="Which dead letters.")]
Every = Annotated[bool, typer.Option("--all", help="All dead letters.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        no_args_is_help=True, help="Records that could not be used: list, retry, discard."
    )
    group.command("list")(list_parked)
    group.command()(show)
    group.command()(retry)
    group.command()(discard)
    app.add_typer(group, name="dead-letters")


def list_parked(
    stage: Annotated[str | None, typer.Option(help="translate or project.")] = None,
    topic: Annotated[str | None, typer.Option()] = None,
    limit: Annotated[int, typer.Option(min=1)] = 100,
    model: OnlyModel = None,
    as_json: Json = False,
) -> None:
    """List parked records in their order."""
    from projections.ports.dead_letters import Stage

    if stage is not None and stage not in set(Stage):
        raise WrongUsage(f"--stage {stage!r} is none of {', '.join(Stage)}")
    if model is not None and stage == Stage.TRANSLATE:
        raise WrongUsage("translation comes before all read models: leave --model away")
    of = Stage.PROJECT if model is not None else None if stage is None else Stage(stage)
    with _dead_letters(_settings()[1], model) as dead_letters:
        found = dead_letters.list(of, topic, limit=limit)
    if as_json:
        print(json.dumps([_as_dict(one) for one in found]))
        return
    tables.show(
        ("number", "stage", "read model", "position", "key", "tries", "parked", "reason"),
        [
            (
                tables.Figure(one.number),
                one.stage.value,
                one.read_model,
                f"{one.topic}/{one.partition}/{one.offset}",
                _text(one.key),
                one.attempts,
                one.parked_at,
                one.reason,
            )
            for one in found
        ],
    )


def show(number: int, as_json: Json = False) -> None:
    """Show one parked record with its bytes."""
    with _dead_letters(_settings()[1]) as dead_letters:
        dead_letter = dead_letters.show(number)
    if as_json:
        print(json.dumps(_as_dict(dead_letter)))
        return
    for name, value in _as_dict(dead_letter).items():
        print(f"{name}: {value}")


def retry(
    numbers: Numbers = None, every: Every = False, model: OnlyModel = None, as_json: Json = False
) -> None:
    """Try dead letters again, and the others of their keys.

    Changes are tried in order. Of events the newest is tried first: it holds the whole state, and
    supersedes those before it. What succeeds leaves the list. Exit code 1 where some failed again.
    """
    from adapters.composition.clients import require_brokers
    from adapters.composition.dead_letters import retry_dead_letters

    chosen = _chosen(numbers, every=every)
    settings, endpoints = _settings()
    with _dead_letters(endpoints, model) as dead_letters:
        parked = _of_model(dead_letters.list(), model)
    _refuse_unknown(chosen, parked)
    wanted = [one for one in parked if chosen is None or one.number in chosen]
    if wanted:
        require_brokers(endpoints)
    with without_panics():
        retried = retry_dead_letters(settings, endpoints, wanted)
    if as_json:
        print(
            json.dumps(
                {
                    "done": retried.done,
                    "failed": retried.failed,
                    "superseded": retried.superseded,
                }
            )
        )
    else:
        more = f", {len(retried.superseded)} superseded by later events"
        print(
            f"{len(retried.done)} resolved{more if retried.superseded else ''}, "
            f"{len(retried.failed)} failed again"
        )
        for number, reason in retried.failed.items():
            print(f"{number}: {reason}", file=sys.stderr)
    if retried.failed:
        raise Failure(f"{len(retried.failed)} records still can't be used")


def discard(numbers: Numbers = None, every: Every = False, model: OnlyModel = None) -> None:
    """Forget dead letters on purpose.

    Changes that wait behind one go on with the next retry. Rebuilds and `verify` pass over the
    positions of events that were discarded, and say how many.
    """
    chosen = _chosen(numbers, every=every)
    with _dead_letters(_settings()[1], model) as dead_letters:
        parked = _of_model(dead_letters.list(), model)
        _refuse_unknown(chosen, parked)
        known = [one.number for one in parked]
        count = dead_letters.discard(sorted(known if chosen is None else chosen))
    print(f"{count} discarded")


def _chosen(numbers: list[int] | None, *, every: bool) -> set[int] | None:
    if bool(numbers) == every:
        raise WrongUsage("name dead letters by their numbers, or say --all")
    return None if every else set(numbers or ())


def _refuse_unknown(chosen: set[int] | None, parked: "list[DeadLetter]") -> None:
    unknown = (chosen or set()) - {one.number for one in parked}
    if unknown:
        numbers = ", ".join(map(str, sorted(unknown)))
        raise WrongUsage(f"no such dead letter: {numbers}; `catalog dead-letters list` shows them")


def _settings() -> "tuple[Settings, Endpoints]":
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    settings = load_settings()
    return settings, resolve_endpoints(settings)


@contextmanager
def _dead_letters(endpoints: "Endpoints", model: str | None = None) -> "Iterator[DeadLetters]":
    from adapters.composition import databases
    from adapters.composition.topology import read_model

    chosen = None if model is None else read_model(model)
    with closing(databases.dead_letters(endpoints, chosen)) as dead_letters:
        yield dead_letters


def _of_model(dead_letters: "list[DeadLetter]", model: str | None) -> "list[DeadLetter]":
    """Without those of translation, which belong to no read model, where one is asked for."""
    return [one for one in dead_letters if model is None or one.read_model == model]


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("utf-8", "backslashreplace")


def _as_dict(dead_letter: "DeadLetter") -> dict[str, object]:
    return {
        "number": dead_letter.number,
        "stage": dead_letter.stage.value,
        "read_model": dead_letter.read_model or None,
        "topic": dead_letter.topic,
        "partition": dead_letter.partition,
        "offset": dead_letter.offset,
        "key": _text(dead_letter.key),
        "value_base64": None
        if dead_letter.value is None
        else base64.b64encode(dead_letter.value).decode(),
        "value": _text(dead_letter.value),
        "headers": [[name, _text(value)] for name, value in dead_letter.headers],
        "reason": dead_letter.reason,
        "parked_at": dead_letter.parked_at.isoformat(),
        "attempts": dead_letter.attempts,
    }
