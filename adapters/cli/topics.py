"""`catalog topics`: makes the topics, shows what they are, names what is wrong with them."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.failures import Unhealthy, WrongUsage

if TYPE_CHECKING:
    from adapters.event_log.topic_plans import TopicPlan, TopicState

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add `topics` and its commands."""
    topics = typer.Typer(no_args_is_help=True, help="Create, show and check the Kafka topics.")
    topics.command()(apply)
    topics.command("list")(show_all)
    topics.command()(check)
    topics.command()(migrate)
    topics.command()(adopt)
    topics.command()(retranslate)
    app.add_typer(topics, name="topics")


def apply(as_json: AsJson = False) -> None:
    """Create missing topics; set retention to for ever.

    Settings that could lose or refuse records are set right too. The numbers of partitions and of
    replicas are never changed.
    """
    topics, plans = _connected()
    done = topics.apply(plans)
    if as_json:
        _print_json([{"topic": one.name, "action": one.action} for one in done])
    else:
        for one in done:
            print(f"{one.name}: {one.action}")
    _judge(topics.states([plan.name for plan in plans]), plans)


def show_all(as_json: AsJson = False) -> None:
    """Show each topic's partitions, size on disk and status.

    The size is that on the disks of all brokers. What is set on each topic is in --json.
    """
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
    """Name topics that lack history; exit 3 if there is one.

    Also those that will lose some, by what is set on them or by a broker's end, and those that
    don't take messages as large as CATALOG_KAFKA__MESSAGE_MAX_BYTES.
    """
    from adapters.event_log.topic_plans import retention_warning

    topics, plans = _connected()
    states = topics.states([plan.name for plan in plans])
    if (warning := retention_warning(topics.offsets_retention())) is not None:
        print(f"warning: {warning}", file=sys.stderr)
    if as_json:
        _print_json([_as_json(states.get(plan.name), plan) for plan in plans])
    _judge(states, plans)
    if not as_json:
        print(f"{len(plans)} topics keep everything, on as many brokers as they should")


def migrate(
    to: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="Prefix of the new topics.")
    ] = None,
    give_up: Annotated[
        bool, typer.Option("--give-up", help="Go on with the topics that there are.")
    ] = False,
) -> None:
    """Move all events into new topics, in order.

    They get as many partitions as CATALOG_KAFKA__PARTITIONS says. For topics that got partitions
    added, or need more. Events are carried over exactly once; killed, it goes on where it was.
    Translators stop; the former topics stay. Afterwards set CATALOG_KAFKA__PREFIX for every
    process, and run `catalog rebuild`.
    """
    from adapters.composition import clients, moving
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    settings = load_settings()
    endpoints = resolve_endpoints(settings, ("kafka",))
    clients.require_brokers(endpoints)
    if give_up:
        moving.give_up(settings, endpoints)
        print("the chain goes on with the topics that it has")
        return
    if to is None:
        raise WrongUsage("say --to PREFIX, such as --to v2.")
    moving.migrate(settings, endpoints, to, lambda line: print(line, file=sys.stderr))
    print(
        f"all events are in topics of the prefix {to}: set CATALOG_KAFKA__PREFIX={to} for every"
        " process, run `catalog rebuild`, then start translators and workers"
    )


def adopt() -> None:
    """Give both databases to the chain of these topics.

    For databases that take the place of the chain's own, as after a restore. Never for a second
    environment: that needs names of its own (CATALOG_KAFKA__PREFIX).
    """
    from adapters.composition import clients
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.identity import claim, claim_read
    from adapters.composition.settings import load_settings

    settings = load_settings()
    endpoints = resolve_endpoints(settings, ("kafka", "master", "read"))
    clients.require_brokers(endpoints)
    chain = claim(settings, endpoints, adopt=True)
    claim_read(settings, endpoints, adopt=True)
    print(f"both databases belong to the chain {chain}")


def retranslate(
    names: Annotated[
        list[str], typer.Argument(metavar="TOPIC…", help="Change topics: master.public.track …")
    ],
) -> None:
    """Translate change topics that were made anew whole.

    Translators must not run meanwhile. Events that were made of the former topics stay.
    """
    from adapters.composition import clients, translation
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.composition.topology import topology, translate_group

    settings = load_settings()
    known = [plan.name for plan in topology(settings).change_topics]
    if unknown := sorted(set(names) - set(known)):
        raise WrongUsage(f"{', '.join(unknown)}: no change topic; there are {', '.join(known)}")
    endpoints = resolve_endpoints(settings, ("kafka", "read"))
    clients.require_brokers(endpoints)
    translation.retranslate(endpoints, translate_group(settings), names)
    print(f"{', '.join(names)} will be translated from the beginning")


def _connected() -> "tuple[Any, list[TopicPlan]]":
    from adapters.composition import clients
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.composition.topology import topology

    settings = load_settings()
    endpoints = resolve_endpoints(settings, ("kafka",))
    clients.require_brokers(endpoints)
    return clients.topics(endpoints), topology(settings).all_topics


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
    from adapters.event_log.topic_plans import violations

    found = [fault for plan in plans for fault in violations(states.get(plan.name), plan)]
    if found:
        raise Unhealthy("\n  ".join([f"{len(found)} violations:", *found]))


def _as_json(state: "TopicState | None", plan: "TopicPlan") -> dict[str, Any]:
    from adapters.event_log.topic_plans import violations

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
    from adapters.cli import tables
    from adapters.cli.tables import Figure
    from adapters.event_log.topic_plans import violations
    from adapters.figures import size

    rows: list[tuple[tables.Cell, ...]] = []
    for plan in plans:
        state = states.get(plan.name)
        if state is None:
            rows.append((plan.name, None, None, None, None, None, "missing"))
            continue
        rows.append(
            (
                plan.name,
                len(state.partitions),
                state.replication_factor,
                sum(bounds.first for bounds in state.partitions.values()),
                sum(bounds.end for bounds in state.partitions.values()),
                Figure(size(sizes[plan.name])) if plan.name in sizes else Figure("?"),
                "\n".join(violations(state, plan)) or "keeps everything",
            )
        )
    tables.show(("topic", "partitions", "replicas", "first", "end", "size", "status"), rows)


def _print_json(value: Any) -> None:
    import msgspec

    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()
