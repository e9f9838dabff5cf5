"""`catalog run`: the whole chain once, on sample data, so that a newcomer sees it work.

It has a data folder of its own beside the user's, and goes the way of the commands that it shows.
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.cli.demonstration import (
    IDLE_SECONDS,
    Demonstration,
    RunningChain,
    Show,
    show_idle,
)
from adapters.cli.interruption import Interrupted, interruptible
from adapters.composition.setting_groups import InboxSettings
from adapters.composition.settings import Settings, load_settings
from domain.failures import Failure

if TYPE_CHECKING:
    from adapters.composition.endpoints import Endpoints
    from projections.catalog.queries.lookup import LookupAnswer
    from projections.engine.progress import Report


def register(app: typer.Typer) -> None:
    """Add `run` to the command."""
    app.command()(run)


def run(
    own_master: Annotated[
        bool, typer.Option("--own-master", help="Take the sample from a shop's MariaDB.")
    ] = False,
) -> None:
    """Show the whole chain on sample data, once.

    Ingest, capture, translate, project, look up, rebuild, switch, verify. Everything that it
    starts it stops again; what it made stays in the folder that it names.
    """
    from adapters.cli.run_own_master import OWN_MASTER, with_mariadb

    own = load_settings().data
    name = f"{own.name}-own-master-demo" if own_master else f"{own.name}-demo"
    settings = load_settings(data=own.with_name(name))
    settings = settings.model_copy(update={"inbox": InboxSettings()})  # real batches are not for it
    demonstration = _deliveries()
    if own_master:
        settings, demonstration = with_mariadb(settings), OWN_MASTER
    try:
        with interruptible(), ExitStack() as stack:
            what_next = _demonstrate(settings, demonstration, stack)
        print(what_next)
    except Interrupted as interruption:
        print(f"stopped ({interruption})", file=sys.stderr)
        raise typer.Exit(130) from None


def _deliveries() -> Demonstration:
    from adapters.ingestion.sample import LOOKUPS

    return Demonstration(LOOKUPS, _fill, stages=8)


def _demonstrate(settings: Settings, demonstration: Demonstration, stack: ExitStack) -> str:
    """Go through the stages, leaving what was started to `stack`; returns what to try next."""
    from rich.console import Console

    from adapters.cli import status
    from adapters.composition.chain import await_idle
    from adapters.ingestion.sample import FOLDER
    from adapters.monitoring.health import Thresholds, judge

    show = Show(Console(highlight=False, soft_wrap=True), demonstration.stages)
    show.say(f"data      {settings.data}")
    show.say(f"downloads {settings.cache}")
    chain = _start(settings, stack, show)
    endpoints = chain.endpoints
    demonstration.fill(settings, chain, show)

    with show.stage("look up by industry identifiers") as done:
        before = _answers(endpoints, demonstration.lookups)
        done(f"{sum(len(one.matches()) for one in before)} matches")
    _show_answers(show, before)

    with show.stage("rebuild each read model from message zero, verify it, switch to it") as done:
        done(_rebuild(settings, endpoints, show))

    with show.stage("look up again: nothing changed") as done:
        if [one.as_json() for one in _answers(endpoints, demonstration.lookups)] != [
            one.as_json() for one in before
        ]:
            raise Failure("the new generation answers differently than the former one")
        done("the same answers")

    with show.stage("verify the live read models against a replay") as done:
        done(_verify(settings, endpoints, show))

    found = await_idle(settings, endpoints, seconds=IDLE_SECONDS)
    show.say("")
    status.show(found, judge(found, Thresholds()))
    (upc,) = (f"{scheme} {value}" for scheme, value in demonstration.lookups if scheme == "upc")
    return _WHAT_NEXT.format(
        data=settings.data, settings=demonstration.settings, upc=upc, folder=FOLDER
    )


def _start(settings: Settings, stack: ExitStack, show: Show) -> RunningChain:
    """Start engines and workers, leaving them to `stack`."""
    from adapters.composition import services
    from adapters.composition.engines import supervised_engines

    with show.stage("start PostgreSQL, Kafka, Connect, schema registry") as done:
        engines = stack.enter_context(supervised_engines(settings, report=show.hint))
        done(f"Kafka at {engines.endpoints.kafka['bootstrap.servers']}")
    with show.stage("make tables, topics, contracts; start capture and workers") as done:
        check = stack.enter_context(
            services.running_workers(settings, engines.endpoints, show.hint)
        )
        done(", ".join(one.name for one in services.WORKERS))
    return RunningChain(engines.endpoints, engines.mariadb, check)


def _fill(settings: Settings, chain: RunningChain, show: Show) -> None:
    """Take in the sample, and wait until it is in the read catalog."""
    from adapters.composition.databases import master_connection
    from adapters.ingestion.ingest import ingest
    from adapters.ingestion.sample import FOLDER

    with show.stage("ingest the sample feeds and ERN messages into the master catalog") as done:
        connect = partial(master_connection, chain.endpoints.master_dsn, "ingest")
        summary = ingest(connect, [str(FOLDER)])
        changed = sum(summary.changed.values())
        told = (f"{len(summary.files)} files", f"{changed:,} rows changed")
        done(f"{', '.join(told)}, {summary.quarantined} quarantined")
    show_idle(settings, chain.endpoints, show)


def _answers(
    endpoints: "Endpoints", lookups: Sequence[tuple[str, str]]
) -> "Sequence[LookupAnswer]":
    from adapters.composition.databases import read_queries
    from projections.catalog.queries.lookup import asked, look_up

    with read_queries(endpoints, "run") as queries:
        found = look_up(queries.rows, [asked(scheme, value) for scheme, value in lookups])
    if empty := [f"{one.number.scheme} {one.number.raw}" for one in found if not one.matches()]:
        raise Failure(f"the sample's {', '.join(empty)} isn't in the read catalog")
    return found


def _show_answers(show: Show, answers: "Sequence[LookupAnswer]") -> None:
    from projections.catalog.queries.lookup import named

    for answer in answers:
        show.say(f"      catalog lookup {answer.number.scheme} {answer.number.raw}")
        for entry in answer.matches():
            name = " by ".join(filter(None, named(entry)))
            release = entry["release"] if entry["owner"] == "track" else None
            on = f", on {release['title']}" if release else ""
            show.say(f"        {entry['owner']} {entry['id']}: {name}{on}")
            if entry["owner"] == "party":
                has = (f"{len(entry['party'][kind])} {kind}" for kind in ("labels", "releases"))
                show.say(f"          with {' and '.join(has)}")


def _rebuild(settings: Settings, endpoints: "Endpoints", show: Show) -> str:
    from adapters.composition.topology import READ_MODELS
    from adapters.composition.wiring import engine_context
    from projections.engine.rebuild import rebuild

    outcomes = []
    for model in READ_MODELS:
        with engine_context(settings, endpoints, model) as context:
            rebuilt = rebuild(context, report=_hints(show, model.name))
        number, note = rebuilt.generation.number, rebuilt.generation.note
        if not rebuilt.switched:
            raise Failure(f"the rebuilt {model.name} differs from the live one: {note}")
        verdict = rebuilt.comparison.summary() if rebuilt.comparison else "nothing to compare with"
        outcomes.append(f"generation {number} of {model.name} is live; {verdict}")
    return "\n      ".join(outcomes)


def _verify(settings: Settings, endpoints: "Endpoints", show: Show) -> str:
    from adapters.composition.topology import READ_MODELS
    from adapters.composition.wiring import engine_context
    from projections.engine.rebuild import verify_live

    outcomes = []
    for model in READ_MODELS:
        with engine_context(settings, endpoints, model) as context:
            comparison = verify_live(context, report=_hints(show, model.name))
        if not comparison.equal:
            raise Failure(f"the live {model.name} has drifted: {comparison.summary()}")
        outcomes.append(f"{model.name}: {comparison.summary()}")
    return "\n      ".join(outcomes)


def _hints(show: Show, model: str) -> "Report":
    return lambda now: show.hint(f"{model}: {now.phase} {now.done}/{now.total}")


_WHAT_NEXT = """
Everything is stopped again. To go on with what was made, in two terminals:

  . .venv/bin/activate; export CATALOG_DATA={data}{settings}

and then in one of them, to keep the engines up until Ctrl-C:

  catalog up

and in the other:

  catalog lookup {upc:<23}       what a barcode stands on
  catalog new-releases                  what came out, per label and day
  catalog ingest YOUR_FEED.csv          your own data; its forms are shown in
                                        {folder}
  catalog status                        topics, lag, generations, dead letters
  catalog events tail --from beginning  the events as they were
  catalog rebuild                       a new generation, verified and switched in
  catalog rollback                      back to the former one
"""
