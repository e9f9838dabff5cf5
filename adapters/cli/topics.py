"""`catalog topics`: makes the topics, shows what they are, names what is wrong with them."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.failures import Unhealthy

if TYPE_CHECKING:
    from adapters.event_log.topics import TopicPlan, TopicState

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add `topics` and its commands."""
    topics = typer.Typer(no_args_is_help=True, help="Create, show and check the Kafka topics.")
    topics.command()(apply)
    topics.command("list")(show_all)
    topics.command()(check)
    app.add_typer(topics, name="topics")


def apply(as_json: AsJson = False) -> None:
    """Create missing topics and set retention back to for ever; partitions are never changed."""
    topics, plans = _connected()
    done = topics.apply(plans)
    if as_json:
        _print_json([{"topic": one.name, "action": one.action} for one in done])
    else:
        for one in done:
            print(f"{one.name}: {one.action}")
    _judge(topics.states([plan.name for plan in plans]), plans)


def show_all(as_json: AsJson = False) -> None:
    """Show each topic's partitions, size on all brokers' disks, configuration and status."""
    topics, plans = _connected()
    names = [plan.name for plan in plans]
    states = topics.states(names)
    sizes = _sizes(names)
    if as_json:
        _print_json(
            [
                _as_json(states.get(plan.name), plan) | {"bytes": sizes.get(plan.name)}
                for plan in plans
            ]
        )
    else:
        _print_table(states, sizes, plans)


def check(as_json: AsJson = False) -> None:
    """Name every topic whose history isn't whole or will not stay so; exit 3 if there is one."""
    topics, plans = _connected()
    states = topics.states([plan.name for plan in plans])
    if as_json:
        _print_json([_as_json(states.get(plan.name), plan) for plan in plans])
    _judge(states, plans)
    if not as_json:
        print(f"{len(plans)} topics keep everything")


def _connected() -> "tuple[Any, list[TopicPlan]]":
    from adapters.composition import clients
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.composition.topology import topology

    settings = load_settings()
    return clients.topics(resolve_endpoints(settings, ("kafka",))), topology(settings).all_topics


def _sizes(names: list[str]) -> dict[str, int]:
    """Bytes of topics; none where the brokers don't tell, which is said and is no failure."""
    from adapters.composition import clients
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.event_log.connection import KafkaFailed

    try:
        return clients.topic_bytes(resolve_endpoints(load_settings(), ("kafka",)), names)
    except KafkaFailed as error:
        print(f"warning: {error}", file=sys.stderr)
        return {}


def _judge(states: "dict[str, TopicState]", plans: "list[TopicPlan]") -> None:
    from adapters.event_log.topics import violations

    found = [flaw for plan in plans for flaw in violations(states.get(plan.name), plan)]
    if found:
        raise Unhealthy("\n  ".join([f"{len(found)} violations:", *found]))


def _as_json(state: "TopicState | None", plan: "TopicPlan") -> dict[str, Any]:
    from adapters.event_log.topics import violations

    shown: dict[str, Any] = {"topic": plan.name, "exists": state is not None}
    if state is not None:
        shown |= {
            "replication_factor": state.replication_factor,
            "records": state.records,
            "partitions": [
                {"partition": number, "first": bounds.first, "end": bounds.end}
                for number, bounds in state.partitions.items()
            ],
            "configuration": dict(state.set_configuration),
        }
    return shown | {"violations": violations(state, plan)}


def _print_table(
    states: "dict[str, TopicState]", sizes: dict[str, int], plans: "list[TopicPlan]"
) -> None:
    from rich.console import Console
    from rich.filesize import decimal
    from rich.table import Table
    from rich.text import Text

    from adapters.event_log.topics import violations

    table = Table(
        "topic", "partitions", "replicas", "first", "end", "size", "status", "set on the topic"
    )
    for plan in plans:
        state = states.get(plan.name)
        flaws = violations(state, plan)
        if state is None:
            table.add_row(plan.name, "", "", "", "", "", "missing", "")
            continue
        table.add_row(
            plan.name,
            str(len(state.partitions)),
            str(state.replication_factor),
            " ".join(str(bounds.first) for bounds in state.partitions.values()),
            " ".join(str(bounds.end) for bounds in state.partitions.values()),
            decimal(sizes[plan.name]) if plan.name in sizes else "?",
            Text("\n".join(flaws) or "ok"),
            Text(" ".join(f"{key}={value}" for key, value in state.set_configuration.items())),
        )
    # A pipe has no width of its own; what is cut there can't be found by who reads it.
    Console(width=None if sys.stdout.isatty() else 240, highlight=False).print(table)


def _print_json(value: Any) -> None:
    import msgspec

    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()
