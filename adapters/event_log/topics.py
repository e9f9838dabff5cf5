"""The topics as the brokers have them: looked at, made, and set as planned."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from confluent_kafka import (
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
    Uuid,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ClusterMetadata,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewTopic,
    OffsetSpec,
    ResourceType,
    TopicMetadata,
)

from adapters.event_log.connection import REQUEST_SECONDS, KafkaFailed, client_configuration, failed
from adapters.event_log.topic_plans import JUDGED, TopicPlan, TopicState, settings_to_repair
from projections.ports.event_log import Bounds

_LEADER_SECONDS = 0.2
_ATTEMPT_SECONDS = 5.0
"""Of one request among several: a broker that was just killed answers none."""
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


_NO_ID = str(Uuid(0, 0))


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did to a topic."""

    name: str
    action: str
    """created, repaired (settings set back) or unchanged."""


class Topics:
    """Looks at topics and makes them as planned. Raises KafkaFailed."""

    def __init__(self, kafka: Mapping[str, str]) -> None:
        self._configuration = client_configuration(kafka, "topics")
        self._admin = AdminClient(self._configuration)

    def apply(self, plans: Sequence[TopicPlan]) -> list[Applied]:
        """Create what is missing and repair settings; partitions and replicas never change."""
        states = self.states([plan.name for plan in plans])
        missing = [plan for plan in plans if plan.name not in states]
        self._create(missing)
        repaired = {
            plan.name: settings
            for plan in plans
            if plan.name in states and (settings := settings_to_repair(states[plan.name], plan))
        }
        self._set(repaired)
        self._await([plan.name for plan in missing])
        actions = dict.fromkeys(repaired, "repaired")
        actions |= {plan.name: "created" for plan in missing}
        return [Applied(plan.name, actions.get(plan.name, "unchanged")) for plan in plans]

    def delete(self, names: Sequence[str]) -> list[str]:
        """Delete topics, those that are there, and wait until they are gone; returns which."""
        there = [name for name in names if name in self._metadata()]
        for name, deleted in self._admin.delete_topics(there).items() if there else ():
            try:
                deleted.result(timeout=REQUEST_SECONDS)
            except KafkaException as error:
                raise failed(f"deleting {name}", error) from error
        return there

    def states(self, names: Sequence[str]) -> dict[str, TopicState]:
        """Return the state of those topics that exist."""
        cluster = self._cluster()
        metadata = cluster.topics
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
                {
                    key: configurations[name][key].value or ""
                    for key in JUDGED
                    if key in configurations[name]
                },
                len(cluster.brokers),
            )
            for name in present
        }

    def bounds(self, names: Sequence[str]) -> dict[tuple[str, int], Bounds]:
        """Return the bounds of every partition; a topic that doesn't exist is an error."""
        metadata = self._metadata()
        if missing := [name for name in names if name not in metadata]:
            raise _no_topic(missing)
        found = self._bounds({name: list(metadata[name].partitions) for name in names})
        return {
            (name, partition): bounds
            for name, of_topic in found.items()
            for partition, bounds in of_topic.items()
        }

    def ids(self, names: Sequence[str]) -> dict[str, str]:
        """Return the brokers' ids of topics (KIP-516), which change when one is made anew.

        Brokers older than 2.8 have none. A topic that doesn't exist is an error.
        """
        deadline = time.monotonic() + REQUEST_SECONDS
        while names:
            try:
                return self._ids(names)
            except KafkaException as error:
                self._renew()
                if not _passes(error) or time.monotonic() > deadline:
                    raise failed(f"looking at topics {', '.join(names)}", error) from error
            time.sleep(_LEADER_SECONDS)
        return {}

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

    def _ids(self, names: Sequence[str]) -> dict[str, str]:
        asked = TopicCollection(list(names))
        answers = self._admin.describe_topics(asked, request_timeout=_ATTEMPT_SECONDS)
        found, missing = {}, []
        for name, answer in answers.items():
            try:
                found[name] = str(answer.result().topic_id)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
                missing.append(name)
        if missing:
            raise _no_topic(missing)
        return {name: id_ for name, id_ in found.items() if id_ != _NO_ID}

    def _await(self, names: Sequence[str]) -> None:
        """Wait until new topics are known to the brokers and their partitions have leaders."""
        deadline = time.monotonic() + REQUEST_SECONDS
        # What one answer says counts: another broker, asked next, may not have heard of them yet
        while missing := set(names) - (metadata := self._metadata()).keys():
            if time.monotonic() > deadline:
                raise KafkaFailed(f"Kafka made topics but doesn't know them: {sorted(missing)}")
            time.sleep(0.05)
        self._bounds({name: list(metadata[name].partitions) for name in names})

    def _metadata(self) -> dict[str, TopicMetadata]:
        return self._cluster().topics

    def _cluster(self) -> ClusterMetadata:
        try:
            return self._admin.list_topics(timeout=REQUEST_SECONDS)
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
                request_timeout=_ATTEMPT_SECONDS,
            )
            for partition, answer in answers.items():
                name = f"offsets of {partition.topic}/{partition.partition}"
                try:
                    offset = answer.result().offset
                except KafkaException as error:
                    if not _passes(error) or time.monotonic() > deadline:
                        raise failed(name, error) from error
                    continue
                if offset >= 0:
                    found[partition.topic, partition.partition] = offset
                elif time.monotonic() > deadline:
                    # No error either: librdkafka's answer where the leader went away meanwhile
                    raise failed(name, KafkaError(KafkaError._TIMED_OUT))
            if len(found) < len(partitions):
                time.sleep(_LEADER_SECONDS)
                self._renew()
        return found

    def _renew(self) -> None:
        """Ask with a new client, which knows nothing of brokers that are gone.

        librdkafka asks on with the leader epoch that it knows: after a broker's end it was refused
        for half a minute. And it waits for the controller that it knows: told of none by a broker
        that was just starting, it waited for ever, since it asks for brokers by itself only where
        it follows topics.
        """
        self._admin = AdminClient(self._configuration)

    def _configurations(self, names: Sequence[str]) -> dict[str, dict[str, ConfigEntry]]:
        if not names:
            return {}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        answers = self._admin.describe_configs(resources, request_timeout=REQUEST_SECONDS)
        try:
            return {resource.name: answer.result() for resource, answer in answers.items()}
        except KafkaException as error:
            self._renew()
            raise failed("configuration of topics", error) from error

    def _create(self, plans: Sequence[TopicPlan]) -> None:
        if not plans:
            return
        brokers = len(self._cluster().brokers)
        if (most := max(plan.replicas(brokers) for plan in plans)) > brokers:
            raise KafkaFailed(
                f"topics of {most} replicas need as many brokers, and there are {brokers}: set"
                " CATALOG_KAFKA__REPLICATION_FACTOR, or leave it out"
            )
        topics = [
            NewTopic(
                plan.name,
                num_partitions=plan.partitions,
                replication_factor=plan.replicas(brokers),
                config=plan.configuration(brokers),
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

    def _set(self, settings: Mapping[str, Mapping[str, str]]) -> None:
        if not settings:
            return
        resources = [
            ConfigResource(
                ResourceType.TOPIC,
                name,
                incremental_configs=[
                    ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                    for key, value in its.items()
                ],
            )
            for name, its in settings.items()
        ]
        for resource, answer in self._admin.incremental_alter_configs(resources).items():
            try:
                answer.result()
            except KafkaException as error:
                raise failed(f"configuration of topic {resource.name}", error) from error


def _passes(error: KafkaException) -> bool:
    """Whether it is worth another attempt."""
    return error.args[0].code() in {*_LEADERLESS, KafkaError._TIMED_OUT}


def _no_topic(missing: Sequence[str]) -> KafkaFailed:
    return KafkaFailed(f"Kafka has no topic {', '.join(missing)}: run `catalog topics apply`")
