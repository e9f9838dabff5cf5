"""Two read models of one log on the real database: each is rebuilt on its own, and asked."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from adapters.read_database.dead_letters import PostgresDeadLetters
from adapters.read_database.generations import PostgresGenerations
from adapters.read_database.read_store import PostgresReadStore
from adapters.read_database.spool import DiskSpool
from projections.catalog import CATALOG
from projections.engine.context import EngineContext
from projections.engine.dead_letter import retry
from projections.engine.progress import silent
from projections.engine.rebuild import ensure_live, rebuild, verify_live
from projections.engine.worker import Worker
from projections.new_releases import NEW_RELEASES
from projections.new_releases.queries import PER_LABEL_AND_DAY
from projections.ports.dead_letters import Stage
from projections.ports.generations import Phase
from projections.read_model import ReadModel
from tests.projections.engine.memory_log import JsonDecoder, MemoryLog, event

pytestmark = pytest.mark.integration

CATALOGS = replace(
    CATALOG,
    projections=tuple(p for p in CATALOG.projections if p.subject in {"label", "release"}),
)
MODELS = (CATALOGS, NEW_RELEASES)
EVERYTHING = {"label": None, "since": None, "until": None, "limit": 100}


class BothModels:
    """A log, and both read models with a worker each."""

    def __init__(self, dsn: str, stack: ExitStack) -> None:
        self.dsn = dsn
        self.log = MemoryLog.of(NEW_RELEASES.topics)
        self.context = {model.name: self._context(model, stack) for model in MODELS}
        self.workers: dict[str, Worker] = {}
        for context in self.context.values():
            context.generations.migrate()  # type: ignore[attr-defined]

    def _context(self, model: ReadModel, stack: ExitStack) -> EngineContext:
        store = stack.enter_context(closing(PostgresReadStore(self.dsn, model)))
        generations = PostgresGenerations(self.dsn, model)
        return EngineContext(model, self.log, JsonDecoder(), store, generations, DiskSpool)

    def say(self, subject: str, name: str, id_: str, /, **state: Any) -> None:
        partition = (f"catalog.{subject}", 0)
        self.log.append(partition, id_, event(name, id_, self.log.ends.get(partition, 0), **state))

    def project(self, *names: str) -> None:
        """Let the workers of these read models (by default of all) do all that there is to do."""
        for name in names or self.context:
            context = self.context[name]
            ensure_live(context)
            if name not in self.workers:
                store = context.store
                self.workers[name] = Worker(context.model, self.log, JsonDecoder(), store, name)
                self.log.subscriptions[-1].assign(list(self.log.partitions))
            while any(self.checkpoints(name)[at] < end for at, end in self.log.ends.items()):
                self.workers[name].step(0)

    def checkpoints(self, name: str) -> dict[tuple[str, int], int]:
        store = self.context[name].store
        live = store.live()
        assert live is not None
        return store.checkpoints(live.number)

    def phases(self, name: str) -> list[Phase]:
        return [one.phase for one in self.context[name].generations.all()]

    def ask(self, statement: str, values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        with psycopg.connect(self.dsn, row_factory=dict_row) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def days(self, **asked: object) -> list[tuple[object, ...]]:
        """(label, day, ids of its releases)."""
        found = self.ask(PER_LABEL_AND_DAY, EVERYTHING | asked)
        assert all(one["release_count"] == len(one["releases"]) for one in found)
        return [
            (one["label_id"], one["label"], f"{one['day']}", [r["id"] for r in one["releases"]])
            for one in found
        ]


@contextmanager
def both_models(dsn: str) -> Iterator[BothModels]:
    with ExitStack() as stack:
        yield BothModels(dsn, stack)


@pytest.fixture
def both(database: str) -> Iterator[BothModels]:
    """Two labels, three releases that came out on two days, one that is taken down."""
    with both_models(database) as both:
        both.say("label", "LabelAdded", "l1", name="One")
        both.say("label", "LabelAdded", "l2", name="Two")
        for id_, label, day in (
            ("r1", "l1", "2026-05-01"), ("r2", "l1", "2026-05-01"), ("r3", "l2", "2026-05-02"),
            ("r4", "l2", "2026-05-02"), ("r5", "elsewhere", "2026-05-03"), ("r6", None, None),
        ):  # fmt: skip
            released = None if day is None else date.fromisoformat(day).toordinal() - 719163
            both.say(
                "release", "ReleaseAdded", id_, title=id_.upper(), label_id=label, status="active",
                original_release_date=released,
            )  # fmt: skip
        both.say("release", "ReleaseTakenDown", "r4", label_id="l2", status="taken_down")
        yield both


NEW = [
    ("elsewhere", None, "2026-05-03", ["r5"]),
    ("l2", "Two", "2026-05-02", ["r3"]),
    ("l1", "One", "2026-05-01", ["r1", "r2"]),
]


def test_new_releases_per_label_and_day(both: BothModels) -> None:
    both.project()
    assert both.days() == NEW
    assert both.days(limit=1) == NEW[:1]
    assert both.days(label="l1") == NEW[2:]
    assert both.days(since=date(2026, 5, 2), until=date(2026, 5, 2)) == [NEW[1]]
    assert both.days(label="unknown") == []
    (first, *_) = both.ask(PER_LABEL_AND_DAY, EVERYTHING)
    assert first["generation"] == 1
    assert first["releases"] == [{"id": "r5", "title": "R5", "artist": None, "type": None}]


def test_one_is_rebuilt_while_the_other_stays_as_it_is(both: BothModels) -> None:
    both.project()
    both.say("release", "ReleaseUpdated", "r1", title="new", label_id="l2", status="active")
    both.project("new_releases")  # each has its own checkpoints
    assert both.checkpoints("catalog") != both.checkpoints("new_releases")
    before = both.ask("SELECT * FROM catalog.release ORDER BY id")
    catalog = both.context["catalog"].generations.all()

    done = rebuild(both.context["new_releases"], report=silent)

    assert done.switched
    assert done.comparison is not None
    assert done.comparison.equal
    assert both.phases("new_releases") == [Phase.RETIRED, Phase.LIVE]
    assert both.context["catalog"].generations.all() == catalog
    assert both.ask("SELECT * FROM catalog.release ORDER BY id") == before
    assert both.ask(PER_LABEL_AND_DAY, EVERYTHING)[0]["generation"] == 2
    both.project()
    assert both.checkpoints("catalog") == both.checkpoints("new_releases")
    assert verify_live(both.context["catalog"], report=silent).equal
    assert verify_live(both.context["new_releases"], report=silent).equal


def test_both_may_be_rebuilt_at_the_same_time(both: BothModels) -> None:
    both.project()
    with both.context["catalog"].generations.exclusive():
        assert rebuild(both.context["new_releases"], report=silent).switched


def test_each_parks_and_retries_for_itself(both: BothModels) -> None:
    partition = ("catalog.label", 0)
    both.log.append(partition, "l9", b"junk")
    both.project()
    with (
        closing(PostgresDeadLetters(both.dsn, None)) as everyones,
        closing(PostgresDeadLetters(both.dsn, "new_releases")) as its,
    ):
        assert [one.read_model for one in everyones.list()] == ["catalog", "new_releases"]
        (dead_letter,) = its.list(Stage.PROJECT)
        repaired = event("LabelAdded", "l9", 9, name="Nine")
        with psycopg.connect(both.dsn) as connection:
            connection.execute("UPDATE engine.dead_letter SET value = %s", (repaired,))
        assert retry(both.context["new_releases"], its).done == (dead_letter.number,)
        assert [one.read_model for one in everyones.list()] == ["catalog"]
    names = "SELECT id FROM {}.label WHERE id = 'l9'"
    assert both.ask(names.format("new_releases")) == [{"id": "l9"}]
    assert both.ask(names.format("catalog")) == []
