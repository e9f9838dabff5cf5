"""The topics: what they must be like for history to be whole, and whether they are.

The log is the truth, so a topic that forgets is a fault even before it forgot anything. A topic's
number of partitions is part of its identity: a row's events stay in one partition only while it
does not change.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewTopic,
    OffsetSpec,
    ResourceType,
    TopicMetadata,
)

from adapters.event_log.connection import REQUEST_SECONDS, KafkaFailed, client_configuration, failed
from domain.events import SUBJECTS, topic_of
from projections.ports.event_log import Bounds

LONG_ENOUGH = timedelta(days=60)
"""For positions: no chain stands still for longer without somebody knowing."""

FOR_EVER = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
"""Configuration of a topic that keeps everything."""

_LEADERLESS = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.OFFSET_NOT_AVAILABLE,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError._NOENT,  # librdkafka knows of none, as after brokers that hung
}
"""A partition that is being made or moved has no leader for a moment, or one not known to all."""


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """What a topic should be."""

    name: str
    partitions: int
    replication_factor: int = 1

    @property
    def configuration(self) -> dict[str, str]:
        """Configuration to create it with; a write is safe on all replicas but one."""
        if self.replication_factor == 1:
            return FOR_EVER
        return FOR_EVER | {"min.insync.replicas": str(max(1, self.replication_factor - 1))}


@dataclass(frozen=True, slots=True)
class TopicState:
    """What a topic is."""

    name: str
    partitions: Mapping[int, Bounds]
    replication_factor: int
    set_configuration: Mapping[str, str]
    """What is set on the topic itself."""
    retention: Mapping[str, str]
    """The keys of `FOR_EVER` as they are in force, wherever they were set."""

    @property
    def records(self) -> int:
        """Offsets between first and end; transaction markers and aborted records count too."""
        return sum(bounds.end - bounds.first for bounds in self.partitions.values())


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did to a topic."""

    name: str
    action: str
    """created, repaired (retention or clean-up set back) or unchanged."""


def event_topics(partitions: int, replication_factor: int = 1) -> list[TopicPlan]:
    """Plan the event topics, one per subject."""
    return [TopicPlan(topic_of(subject), partitions, replication_factor) for subject in SUBJECTS]


def capture_topics(
    prefix: str, tables: Sequence[str], partitions: int, replication_factor: int = 1
) -> list[TopicPlan]:
    """Plan the topics into which capture writes, one per master table."""
    return [
        TopicPlan(f"{prefix}.public.{table}", partitions, replication_factor) for table in tables
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
    return found


def history_violations(state: TopicState) -> list[str]:
    """Say why a topic's history is not, or will not stay, whole."""
    found = [
        f"{state.name}: {key} is {state.retention.get(key, 'unknown')} instead of {value}, so"
        " records will be lost: run `catalog topics apply`"
        for key, value in FOR_EVER.items()
        if state.retention.get(key) != value
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


class Topics:
    """Looks at topics and makes them as planned. Raises KafkaFailed."""

    def __init__(self, kafka: Mapping[str, str]) -> None:
        self._admin = AdminClient(client_configuration(kafka, "topics"))

    def apply(self, plans: Sequence[TopicPlan]) -> list[Applied]:
        """Create what is missing and repair retention and clean-up; partitions never change."""
        there = self._metadata()
        missing = [plan for plan in plans if plan.name not in there]
        self._create(missing)
        configurations = self._configurations([p.name for p in plans if p.name in there])
        forgetful = [
            name
            for name, entries in configurations.items()
            if any(entries[key].value != value for key, value in FOR_EVER.items())
        ]
        self._set_for_ever(forgetful)
        self._await([plan.name for plan in missing])
        actions = dict.fromkeys(forgetful, "repaired")
        actions |= {plan.name: "created" for plan in missing}
        return [Applied(plan.name, actions.get(plan.name, "unchanged")) for plan in plans]

    def states(self, names: Sequence[str]) -> dict[str, TopicState]:
        """Return the state of those topics that exist."""
        metadata = self._metadata()
        present = [name for name in names if name in metadata]
        partitions = {name: metadata[name].partitions for name in present}
        bounds = self._bounds({name: list(partitions[name]) for name in present})
        configurations = self._configurations(present)
        return {
            name: TopicState(
                name,
                bounds[name],
                min((len(part.replicas) for part in partitions[name].values()), default=0),
                {
                    key: entry.value or ""
                    for key, entry in sorted(configurations[name].items())
                    if ConfigSource(entry.source) is ConfigSource.DYNAMIC_TOPIC_CONFIG
                },
                {key: configurations[name][key].value or "" for key in FOR_EVER},
            )
            for name in present
        }

    def bounds(self, names: Sequence[str]) -> dict[tuple[str, int], Bounds]:
        """Return the bounds of every partition; a topic that doesn't exist is an error."""
        metadata = self._metadata()
        if missing := [name for name in names if name not in metadata]:
            raise KafkaFailed(
                f"Kafka has no topic {', '.join(missing)}: run `catalog topics apply`"
            )
        found = self._bounds({name: list(metadata[name].partitions) for name in names})
        return {
            (name, partition): bounds
            for name, of_topic in found.items()
            for partition, bounds in of_topic.items()
        }

    def names(self) -> set[str]:
        """All topics that there are. Raises KafkaFailed."""
        return set(self._metadata())

    def offsets_retention(self) -> timedelta:
        """How long the brokers keep positions of a group that nobody is a member of."""
        try:
            broker = self._admin.list_topics(timeout=REQUEST_SECONDS).controller_id
            asked = ConfigResource(ResourceType.BROKER, str(broker))
            answers = self._admin.describe_configs([asked], request_timeout=REQUEST_SECONDS)
            entries = answers[asked].result()
        except KafkaException as error:
            raise failed("configuration of the brokers", error) from error
        return timedelta(minutes=int(entries["offsets.retention.minutes"].value or 0))

    def _await(self, names: Sequence[str]) -> None:
        """Wait until new topics are known to the brokers and their partitions have leaders."""
        deadline = time.monotonic() + REQUEST_SECONDS
        while not set(names) <= self._metadata().keys() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.bounds(names)

    def _metadata(self) -> dict[str, TopicMetadata]:
        try:
            return self._admin.list_topics(timeout=REQUEST_SECONDS).topics
        except KafkaException as error:
            raise failed("the brokers don't answer", error) from error

    def _bounds(self, partitions: Mapping[str, Sequence[int]]) -> dict[str, dict[int, Bounds]]:
        wanted = [
            TopicPartition(name, number)
            for name, numbers in partitions.items()
            for number in numbers
        ]
        first = self._offsets(wanted, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        end = self._offsets(wanted, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return {
            name: {n: Bounds(first[name, n], end[name, n]) for n in sorted(numbers)}
            for name, numbers in partitions.items()
        }

    def _offsets(
        self, partitions: Sequence[TopicPartition], which: OffsetSpec
    ) -> dict[tuple[str, int], int]:
        found: dict[tuple[str, int], int] = {}
        deadline = time.monotonic() + REQUEST_SECONDS
        while waiting := [tp for tp in partitions if (tp.topic, tp.partition) not in found]:
            answers = self._admin.list_offsets(
                dict.fromkeys(waiting, which),
                isolation_level=IsolationLevel.READ_COMMITTED,
                request_timeout=REQUEST_SECONDS,
            )
            for partition, answer in answers.items():
                try:
                    found[partition.topic, partition.partition] = answer.result().offset
                except KafkaException as error:
                    if error.args[0].code() not in _LEADERLESS or time.monotonic() > deadline:
                        name = f"{partition.topic}/{partition.partition}"
                        raise failed(f"offsets of {name}", error) from error
            if len(found) < len(partitions):
                time.sleep(0.05)
        return found

    def _configurations(self, names: Sequence[str]) -> dict[str, dict[str, ConfigEntry]]:
        if not names:
            return {}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        answers = self._admin.describe_configs(resources, request_timeout=REQUEST_SECONDS)
        try:
            return {resource.name: answer.result() for resource, answer in answers.items()}
        except KafkaException as error:
            raise failed("configuration of topics", error) from error

    def _create(self, plans: Sequence[TopicPlan]) -> None:
        if not plans:
            return
        topics = [
            NewTopic(
                plan.name,
                num_partitions=plan.partitions,
                replication_factor=plan.replication_factor,
                config=plan.configuration,
            )
            for plan in plans
        ]
        for name, answer in self._admin.create_topics(
            topics, operation_timeout=REQUEST_SECONDS
        ).items():
            try:
                answer.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise failed(f"creating topic {name}", error) from error

    def _set_for_ever(self, names: Sequence[str]) -> None:
        if not names:
            return
        resources = [
            ConfigResource(
                ResourceType.TOPIC,
                name,
                incremental_configs=[
                    ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                    for key, value in FOR_EVER.items()
                ],
            )
            for name in names
        ]
        for resource, answer in self._admin.incremental_alter_configs(resources).items():
            try:
                answer.result()
            except KafkaException as error:
                raise failed(f"configuration of topic {resource.name}", error) from error
