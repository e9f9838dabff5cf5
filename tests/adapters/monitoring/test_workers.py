"""The workers of each stage as the brokers and the read database tell of them."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from adapters.event_log.connection import KafkaFailed
from adapters.monitoring import workers
from adapters.monitoring.status import Installation
from adapters.monitoring.workers import Checkpoint, Member, WorkerGroup
from adapters.read_database.chain_state import LiveCheckpoint
from projections.catalog import CATALOG

TRACKS = ("catalog.track", 3)
CHANGES = ("master.public.track", 0)
INSTALLATION = Installation(
    connector="master",
    slot="slot",
    topics=[],
    change_topics=["master.public.track"],
    translate_group="catalog-translate",
    project_groups=[(CATALOG, "catalog-project")],
    captured=[],
    schema="public",
    publication="p",
    message_bytes=1000,
)


class Admin:
    """Knows of the groups that it is made with; of others it says so."""

    def __init__(self, error: int = KafkaError.GROUP_ID_NOT_FOUND, **groups: Any) -> None:
        self._error = error
        self._groups = groups

    def describe_consumer_groups(self, names: list[str], **_: Any) -> dict[str, "Future[Any]"]:
        answers: dict[str, Future[Any]] = {name: Future() for name in names}
        for name, answer in answers.items():
            if name.replace("-", "_") in self._groups:
                answer.set_result(self._groups[name.replace("-", "_")])
            else:
                answer.set_exception(KafkaException(KafkaError(self._error)))
        return answers


def found(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> list[WorkerGroup]:
    topics = SimpleNamespace(states=dict.fromkeys)
    positions = SimpleNamespace(committed=lambda group, states: {CHANGES: 5})
    monkeypatch.setattr(
        workers, "live_checkpoints", lambda read, model: {TRACKS: LiveCheckpoint(9, None)}
    )
    return workers.worker_groups(INSTALLATION, admin, topics, positions, None)  # type: ignore[arg-type]


def test_members_and_where_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    assignment = SimpleNamespace(
        topic_partitions=[SimpleNamespace(topic=TRACKS[0], partition=TRACKS[1])]
    )
    member = SimpleNamespace(client_id="worker-1", host="/10.0.0.1", assignment=assignment)
    group = SimpleNamespace(members=[member], state=SimpleNamespace(name="STABLE"))
    translate, project = found(Admin(catalog_project=group), monkeypatch)
    assert (translate.stage, translate.state, translate.members) == ("translate", "absent", [])
    assert translate.checkpoints == {CHANGES: Checkpoint(5, None)}
    assert (project.stage, project.state) == ("project catalog", "stable")
    assert project.members == [Member("worker-1", "10.0.0.1", [TRACKS])]
    assert project.checkpoints == {TRACKS: Checkpoint(9, None)}


def test_what_the_brokers_refuse_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KafkaFailed, match="members of group"):
        found(Admin(KafkaError.GROUP_AUTHORIZATION_FAILED), monkeypatch)
