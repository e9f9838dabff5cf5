"""Moves a chain's events into new topics, under another prefix, and switches to them.

For topics to which partitions were added, or that need another number of them. The former topics
stay as they are. What is under way is written into the chain topics, so that nobody works with the
former topics any more from the first step on, and nobody with the new ones before the last.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

from confluent_kafka import KafkaException

from adapters.composition import clients
from adapters.composition.endpoints import Endpoints
from adapters.composition.identity import (
    CHAIN,
    FILLED_FROM,
    MOVED_TO,
    chain_notes,
    note_chain,
)
from adapters.composition.settings import Settings
from adapters.composition.topology import topology, translate_group
from adapters.event_log.change_log import KafkaGroupPositions
from adapters.event_log.connection import REQUEST_SECONDS, failed
from adapters.event_log.event_writer import KafkaEventWriter
from adapters.event_log.moving import Carrying, carry_over
from adapters.event_log.topic_plans import TopicPlan
from domain.failures import Refused, WrongUsage

REPORT_SECONDS = 5.0
LEAVING_SECONDS = 30.0
"""How long those that were told to stop may take; a member that was killed is one for 6 s."""
_PREFIX = re.compile(r"[a-zA-Z0-9._-]{0,40}")


@dataclass(frozen=True)
class Move:
    """From the settings' prefix to another one."""

    settings: Settings
    endpoints: Endpoints
    to: str

    @property
    def moved(self) -> Settings:
        """The settings as they are to be afterwards."""
        kafka = self.settings.kafka.model_copy(update={"prefix": self.to})
        return self.settings.model_copy(update={"kafka": kafka})

    @property
    def plans(self) -> dict[str, TopicPlan]:
        """Former name → the new topic, of all event topics and the chain's."""
        plan = topology(self.settings)
        return {
            one.name: replace(one, name=self.to + one.name.removeprefix(self.settings.kafka.prefix))
            for one in [*plan.event_topics, plan.chain_topic]
        }


def migrate(
    settings: Settings, endpoints: Endpoints, to: str, report: Callable[[str], None]
) -> dict[str, int]:
    """Move all events to the prefix `to`; go on with a killed move. Returns former topic → records.

    Raises WrongUsage, Refused where the chain moves elsewhere or its translators don't stop,
    KafkaFailed.
    """
    if not _PREFIX.fullmatch(to) or to == settings.kafka.prefix:
        raise WrongUsage(
            "--to needs a prefix that isn't the present one (CATALOG_KAFKA__PREFIX): up to 40"
            " letters, digits, dots, hyphens and underscores"
        )
    move = Move(settings, endpoints, to)
    new_chain_topic, chain = _begin(move)
    report(f"from now on nobody works with topics of the prefix {settings.kafka.prefix!r}")
    _stop_translators(move)
    names = {
        former: plan.name for former, plan in move.plans.items() if plan.name != new_chain_topic
    }
    carrying = Carrying(endpoints.kafka, names, f"{to}catalog-migrate")
    carried: dict[str, int] = dict.fromkeys(names, 0)
    told_at = time.monotonic()

    def carried_over(topic: str, count: int) -> None:
        nonlocal told_at
        carried[topic] = count
        if time.monotonic() - told_at >= REPORT_SECONDS:
            told_at = time.monotonic()
            report(f"{topic}: {count:,} events carried over")

    ends = carry_over(carrying, carried_over)
    report(f"{sum(carried.values()):,} events carried over, of {len(names)} topics")
    _require_still(move, ends)
    _carry_positions(move)
    note_chain(endpoints, new_chain_topic, {CHAIN: chain})
    return carried


def give_up(settings: Settings, endpoints: Endpoints) -> None:
    """Let the chain go on with the topics that it has. Raises Refused where no move is on."""
    plan = topology(settings).chain_topic
    topic, to = plan.name, chain_notes(endpoints, plan.name).moved_to
    if to is None:
        raise Refused("no move of the event topics is under way")
    if chain_notes(endpoints, to + topic.removeprefix(settings.kafka.prefix)).chain is not None:
        raise Refused(f"the move is done: the events are in topics of the prefix {to!r}")
    note_chain(endpoints, topic, {MOVED_TO: None})


def _begin(move: Move) -> tuple[str, str]:
    """Write down what is under way; returns the new chain topic's name and the chain's id."""
    topics = clients.topics(move.endpoints)
    former = topology(move.settings).chain_topic.name
    notes = chain_notes(move.endpoints, former)
    if notes.chain is None:
        raise Refused("these topics belong to no chain yet: there is nothing to move")
    if notes.moved_to not in (None, move.to):
        raise Refused(
            f"a move to the prefix {notes.moved_to!r} is under way: finish it, or give it up"
            " (`catalog topics migrate --give-up`)"
        )
    topics.apply(list(move.plans.values()))
    for name, state in topics.states([plan.name for plan in move.plans.values()]).items():
        wanted = next(plan.partitions for plan in move.plans.values() if plan.name == name)
        if len(state.partitions) != wanted:
            raise Refused(
                f"topic {name} is there already with {len(state.partitions)} partitions instead of"
                f" {wanted}: set CATALOG_KAFKA__PARTITIONS to that, or name another prefix"
            )
    new = move.plans[former].name
    there = chain_notes(move.endpoints, new)
    if there.chain is not None or there.filled_from not in (None, move.settings.kafka.prefix):
        raise Refused(
            f"the topics of the prefix {move.to!r} belong to a chain already"
            + (": this move is done" if there.chain == notes.chain else "")
        )
    note_chain(move.endpoints, new, {FILLED_FROM: move.settings.kafka.prefix})
    note_chain(move.endpoints, former, {MOVED_TO: move.to})
    return new, notes.chain


def _stop_translators(move: Move) -> None:
    """Fence translators that run, who find then that the events move, and wait until all left."""
    group, kafka = translate_group(move.settings), move.endpoints.kafka
    deadline = time.monotonic() + LEAVING_SECONDS
    fenced: set[str] = set()
    while members := _members(move.endpoints, group):
        for instance in members - fenced:
            KafkaEventWriter(kafka, f"{group}-{instance}").close()
        fenced |= members
        if time.monotonic() > deadline:
            raise Refused(
                f"translators still run: {', '.join(sorted(members))} of {group}. Stop them, and"
                " give the command once more"
            )
        time.sleep(0.5)
    KafkaEventWriter(kafka, f"{group}-retry").close()


def _members(endpoints: Endpoints, group: str) -> set[str]:
    """Instance names of a group's members."""
    admin = clients.admin(endpoints, "migrate")
    try:
        (answer,) = admin.describe_consumer_groups(
            [group], request_timeout=REQUEST_SECONDS
        ).values()
        return {one.group_instance_id or one.client_id for one in answer.result().members}
    except KafkaException as error:
        raise failed(f"members of {group}", error) from error


def _require_still(move: Move, ends: dict[tuple[str, int], int]) -> None:
    """Raise Refused where somebody has written to the former topics meanwhile."""
    now = clients.topics(move.endpoints).bounds(sorted({topic for topic, _ in ends}))
    if grown := sorted({at[0] for at, its in now.items() if its.end != ends.get(at)}):
        raise Refused(
            f"{', '.join(grown)} has grown meanwhile: somebody still writes to it. Stop that, and"
            " give the command once more"
        )


def _carry_positions(move: Move) -> None:
    """Let translation go on where it was: the positions of its groups in the change topics."""
    topics = [plan.name for plan in topology(move.settings).change_topics]
    there = clients.topics(move.endpoints)
    partitions = sorted(there.bounds([name for name in topics if name in there.names()]))
    for suffix in ("", "-retry"):
        former, new = (translate_group(s) + suffix for s in (move.settings, move.moved))
        with (
            closing(KafkaGroupPositions(move.endpoints.kafka, former)) as source,
            closing(KafkaGroupPositions(move.endpoints.kafka, new)) as target,
        ):
            noted = source.read_all(partitions)
            if positions := {at: its for at, its in noted.items() if its is not None}:
                target.write(positions)
