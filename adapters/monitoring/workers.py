"""The worker processes of each stage, and where they stand in each partition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from adapters.event_log.connection import REQUEST_SECONDS, failed
from adapters.event_log.topics import Topics
from adapters.monitoring.health import work_of
from adapters.monitoring.positions import Positions
from adapters.monitoring.status import Installation
from adapters.read_database.chain_state import live_checkpoints


@dataclass(frozen=True, slots=True)
class Member:
    """A worker process, as the brokers know it."""

    client: str
    host: str
    partitions: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a stage is in a partition."""

    position: int
    moved_at: datetime | None
    """None where nobody keeps the time (translation)."""


@dataclass(frozen=True, slots=True)
class WorkerGroup:
    """The workers of one stage (and read model), and where they stand in each partition."""

    stage: str
    group: str
    state: str
    """As the brokers call it; `absent` where they know of no such group."""
    members: Sequence[Member]
    checkpoints: Mapping[tuple[str, int], Checkpoint]


def worker_groups(
    installation: Installation,
    admin: AdminClient,
    topics: Topics,
    positions: Positions,
    read: psycopg.Connection,
) -> list[WorkerGroup]:
    """Translation's group, then each read model's. Raises Failure."""
    translate = installation.translate_group
    groups = [translate, *(group for _, group in installation.project_groups)]
    members = _members(admin, groups)
    changes = topics.states(installation.change_topics)
    committed = positions.committed(translate, changes)
    at = {partition: Checkpoint(offset, None) for partition, offset in committed.items()}
    found = [WorkerGroup("translate", translate, *members[translate], at)]
    for model, group in installation.project_groups:
        live = live_checkpoints(read, model.name)
        at = {partition: Checkpoint(one.position, one.moved_at) for partition, one in live.items()}
        found.append(WorkerGroup(work_of("project", model.name), group, *members[group], at))
    return found


def _members(admin: AdminClient, groups: Sequence[str]) -> dict[str, tuple[str, list[Member]]]:
    """Group → its state and its members."""
    answers = admin.describe_consumer_groups(list(groups), request_timeout=REQUEST_SECONDS)
    found: dict[str, tuple[str, list[Member]]] = {}
    for group, answer in answers.items():
        try:
            described = answer.result()
        except KafkaException as error:
            if error.args[0].name() != "GROUP_ID_NOT_FOUND":
                raise failed(f"members of group {group}", error) from error
            found[group] = ("absent", [])
            continue
        members = [
            Member(
                member.client_id,
                member.host.removeprefix("/"),
                sorted((tp.topic, tp.partition) for tp in member.assignment.topic_partitions),
            )
            for member in described.members
        ]
        found[group] = (described.state.name.lower(), members)
    return found
