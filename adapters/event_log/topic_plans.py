"""What the topics must be like for history to be whole and to stay whole, and whether they are.

The log is the truth, so a topic that forgets is a fault even before it forgot anything. So is one
that a single broker's end can rob of records, and one that takes in less than its writers may send.
A topic's number of partitions is part of its identity: a row's events stay in one partition only
while it does not change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.events import SUBJECTS, topic_of
from projections.ports.event_log import Bounds

LONG_ENOUGH = timedelta(days=60)
"""For positions: no chain stands still for longer without somebody knowing."""

FOR_EVER = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
"""Configuration of a topic that keeps everything."""

UNCLEAN = "unclean.leader.election.enable"
IN_SYNC = "min.insync.replicas"
LARGEST = "max.message.bytes"
JUDGED = (*FOR_EVER, UNCLEAN, IN_SYNC, LARGEST)
"""Settings of a topic that are held against its plan."""

_REPLICAS = 3
"""Of a topic of which nothing else is said, as far as there are brokers."""


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """What a topic should be."""

    name: str
    partitions: int
    replication_factor: int | None = None
    """None: three, or as many as there are brokers."""
    message_bytes: int | None = None
    """What a record may have at least; None: whatever the brokers take."""

    def replicas(self, brokers: int) -> int:
        """How many replicas it should have where there are so many brokers."""
        return self.replication_factor or max(1, min(_REPLICAS, brokers))

    def configuration(self, brokers: int) -> dict[str, str]:
        """Configuration to create it with; a write is safe on all replicas but one."""
        largest = {} if self.message_bytes is None else {LARGEST: str(self.message_bytes)}
        in_sync = max(1, self.replicas(brokers) - 1)
        return {**FOR_EVER, UNCLEAN: "false", IN_SYNC: str(in_sync), **largest}


@dataclass(frozen=True, slots=True)
class TopicState:
    """What a topic is."""

    name: str
    partitions: Mapping[int, Bounds]
    replication_factor: int
    set_configuration: Mapping[str, str]
    """What is set on the topic itself."""
    in_force: Mapping[str, str]
    """Those of JUDGED that the brokers know, as they hold, wherever they were set."""
    brokers: int = 1
    """How many there are."""

    @property
    def records(self) -> int:
        """Offsets between first and end; transaction markers and aborted records count too."""
        return sum(bounds.end - bounds.first for bounds in self.partitions.values())


def event_topics(
    partitions: int, replication_factor: int | None = None, message_bytes: int | None = None
) -> list[TopicPlan]:
    """Plan the event topics, one per subject."""
    return [
        TopicPlan(topic_of(subject), partitions, replication_factor, message_bytes)
        for subject in SUBJECTS
    ]


def capture_topics(
    prefix: str,
    schema: str,
    tables: Sequence[str],
    partitions: int,
    replication_factor: int | None = None,
    message_bytes: int | None = None,
) -> list[TopicPlan]:
    """Plan the topics into which capture writes, one per table of the master's schema."""
    return [
        TopicPlan(f"{prefix}.{schema}.{table}", partitions, replication_factor, message_bytes)
        for table in tables
    ]


def violations(state: TopicState | None, plan: TopicPlan) -> list[str]:
    """Say what is wrong with a topic, one sentence each; empty when all is well."""
    if state is None:
        return [f"{plan.name} doesn't exist: run `catalog topics apply`"]
    found = history_violations(state)
    if len(state.partitions) != plan.partitions:
        found.append(
            f"{plan.name} has {len(state.partitions)} partitions instead of {plan.partitions}:"
            " keys of one row may lie in two of them. Set CATALOG_KAFKA__PARTITIONS to what the"
            " topic has had from its beginning, or rebuild into new topics"
        )
    wanted = plan.replicas(state.brokers)
    if state.replication_factor < wanted:
        found.append(
            f"{plan.name} has {state.replication_factor} replicas instead of {wanted}"
            f" ({state.brokers} brokers): reassign its partitions (kafka-reassign-partitions), or"
            " set CATALOG_KAFKA__REPLICATION_FACTOR to what it shall have"
        )
    return [*found, *_setting_violations(state, plan)]


def settings_to_repair(state: TopicState, plan: TopicPlan) -> dict[str, str]:
    """Settings of a topic that don't fit its plan, as they should be."""
    wanted = plan.configuration(state.brokers)
    if state.replication_factor < plan.replicas(state.brokers):
        # more than there are replicas would end all writes
        wanted[IN_SYNC] = str(max(1, state.replication_factor - 1))
    there = state.in_force
    too_small = {
        name
        for name in (IN_SYNC, LARGEST)
        if name in there and name in wanted and int(there[name]) < int(wanted[name])
    }
    if int(there.get(IN_SYNC, 1)) > max(1, state.replication_factor):
        too_small.add(IN_SYNC)
    if there.get(UNCLEAN, "false") != "false":
        too_small.add(UNCLEAN)
    forgets = {name for name, value in FOR_EVER.items() if there.get(name) != value}
    return {name: wanted[name] for name in wanted if name in too_small | forgets}


_CONSEQUENCES = {
    UNCLEAN: "records that were acknowledged can be lost with a broker",
    IN_SYNC: "records are acknowledged that a single broker's end can lose, or none can be written",
    LARGEST: "rows that CATALOG_KAFKA__MESSAGE_MAX_BYTES allows can't be written",
}


def _setting_violations(state: TopicState, plan: TopicPlan) -> list[str]:
    return [
        f"{state.name}: {name} is {state.in_force[name]} instead of {value}, so"
        f" {_CONSEQUENCES[name]}: run `catalog topics apply`"
        for name, value in settings_to_repair(state, plan).items()
        if name in _CONSEQUENCES
    ]


def history_violations(state: TopicState) -> list[str]:
    """Say why a topic's history is not, or will not stay, whole."""
    found = [
        f"{state.name}: {key} is {state.in_force.get(key, 'unknown')} instead of {value}, so"
        " records will be lost: run `catalog topics apply`"
        for key, value in FOR_EVER.items()
        if state.in_force.get(key) != value
    ]
    for partition, bounds in state.partitions.items():
        if bounds.first > 0:
            found.append(
                f"{state.name}: partition {partition} begins at offset {bounds.first} instead of"
                " 0: its first records are gone, and no rebuild from it is whole"
            )
    return found


def retention_warning(kept: timedelta) -> str | None:
    """What to say where positions of a group that rests are forgotten too soon."""
    if kept >= LONG_ENOUGH:
        return None
    return (
        f"the brokers forget the positions of a group that rests for {kept.days} days"
        " (offsets.retention.minutes): translation then reads all events once to find them again."
        f" Set it to {LONG_ENOUGH.days} days or more"
    )
