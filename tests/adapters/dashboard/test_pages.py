"""What looks green is so: of engines that don't answer, every page says that nothing is known."""

import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from adapters.composition import chain
from adapters.composition.settings import load_settings
from adapters.dashboard.access import COOKIE, AccessRules
from adapters.dashboard.app import dashboard_app
from adapters.event_log.registry import Registration
from adapters.event_log.topic_plans import TopicState
from adapters.monitoring.generations import seen
from adapters.monitoring.snapshots import IDLE_SECONDS, RepeatedSnapshot
from adapters.monitoring.topics import CheckedTopic
from adapters.monitoring.workers import Checkpoint, Member, WorkerGroup
from domain.failures import Unavailable
from domain.schemas import contracts
from projections.catalog.queries.conflicts import ConflictPage
from projections.catalog.queries.lookup import Asked, LookupAnswer
from projections.ports.dead_letters import DeadLetter, Stage
from projections.ports.event_log import Bounds
from projections.ports.generations import Generation, Phase, Purpose
from tests.adapters.dashboard.test_access import NOWHERE, OPERATOR
from tests.adapters.monitoring.test_health import WELL

AT = datetime(2026, 11, 23, 17, 4, 59, tzinfo=UTC)
TRACKS = ("catalog.track", 0)
LIVE = Generation("catalog", 1, "catalog", Phase.LIVE, created_at=AT, switched_at=AT)
STOPPED = Generation(
    "catalog", 2, "catalog_g2", Phase.FILLING, created_at=AT, changed_at=AT,
    note="catalog.track/0/7: no event", progress={"phase": "filling", "done": 5, "total": 10},
)  # fmt: skip
PAGES = ("/", "/topics", "/topics/catalog.track", "/workers", "/generations", "/schemas")
GREEN = re.compile(r'class="state good"')


def _registered(name: str) -> Registration:
    return Registration(name, 1, 1, 1, 7, "FULL_TRANSITIVE")


@dataclass
class Engines:
    """What the engines answer; `problem` instead, where there is one."""

    app: Any = None
    now: float = 0.0
    problem: Exception | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    snapshots: list[RepeatedSnapshot[Any]] = field(default_factory=list)

    def answer(self, name: str, *_: object) -> Any:
        """As a function of `composition.chain`."""
        if self.problem is not None:
            raise self.problem
        return self.answers[name]

    def look(self) -> None:
        """Take every snapshot anew."""
        for one in self.snapshots:
            one.take()


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Engines:
    bounds = {0: Bounds(0, 100)}
    state = TopicState("catalog.track", bounds, 1, {}, {})
    member = Member("worker-1", "10.0.0.1", [TRACKS])
    found = Engines()
    found.answers = {
        "chain_status": WELL,
        "checked_topics": [CheckedTopic("catalog.track", state, [])],
        "topic_sizes": {"catalog.track": 1_500},
        "worker_groups": [
            WorkerGroup("project catalog", "g", "stable", [member], {TRACKS: Checkpoint(90, AT)})
        ],
        "seen_generations": seen([LIVE], []),
        "parked_by_reason": [],
        "registrations": [_registered(one.name) for one in contracts()],
    }
    for name in found.answers:
        monkeypatch.setattr(chain, name, partial(found.answer, name))

    def made(*args: Any, **kwargs: Any) -> RepeatedSnapshot[Any]:
        one: RepeatedSnapshot[Any] = RepeatedSnapshot(*args, **kwargs, clock=lambda: found.now)
        monkeypatch.setattr(one, "start", one.take)
        found.snapshots.append(one)
        return one

    monkeypatch.setattr("adapters.dashboard.snapshots.RepeatedSnapshot", made)
    return found


@pytest.fixture
def client(engines: Engines, tmp_path: Path) -> Iterator[TestClient]:
    async def admit(*_: str) -> bool:
        return True

    app = dashboard_app(load_settings(data=tmp_path), NOWHERE, AccessRules(admit, is_open=True))
    with TestClient(app, follow_redirects=False) as client:
        yield client


def states(client: TestClient) -> set[str]:
    """The states that the metrics say the chain is in."""
    told = client.get("/metrics").text
    return set(re.findall(r'^catalog_state\{state="(\w+)"\} 1\.0$', told, re.MULTILINE))


@pytest.mark.parametrize("path", PAGES)
def test_what_is_well_is_shown_so(client: TestClient, path: str) -> None:
    page = client.get(path).text
    assert "unknown" not in page
    assert path == "/topics/catalog.track" or GREEN.search(page)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("way", ["fails", "hangs", "quiet"])
def test_with_engines_that_are_away_no_page_and_no_metric_looks_well(
    client: TestClient, engines: Engines, path: str, way: str
) -> None:
    assert client.get("/").status_code == 200
    assert states(client) == {"idle"}
    if way == "fails":
        engines.problem = Unavailable("the brokers don't answer")
        engines.now = 70
        engines.look()
    elif way == "hangs":
        engines.now = 70
    else:
        engines.now = IDLE_SECONDS + 1
    page = client.get(path).text
    assert "unknown" in page
    assert not GREEN.search(page), "nothing is green"
    assert "idle" not in page
    assert way != "fails" or "the brokers don&#39;t answer" in page
    assert states(client) == {"unknown"}


def test_before_the_first_look_nothing_is_claimed(client: TestClient, engines: Engines) -> None:
    engines.problem = Unavailable("the brokers don't answer")
    for path in PAGES:
        page = client.get(path).text
        assert "unknown" in page
        assert not GREEN.search(page)


def test_charts_end_in_a_gap_where_nothing_is_known(client: TestClient, engines: Engines) -> None:
    client.get("/")
    known = client.get("/history.json").json()
    assert None not in known["lag"][0]
    engines.now = 70
    found = client.get("/history.json").json()
    assert [column[-1] for column in found["lag"]] == [None] * len(found["stages"])
    assert len(found["at"]) == len(known["at"]) + 1


def test_a_rebuild_that_stopped_says_so_and_what_can_be_done(
    client: TestClient, engines: Engines
) -> None:
    engines.answers["seen_generations"] = seen([LIVE, STOPPED], [])
    page = client.get("/generations").text
    assert '<span class="state bad">stopped</span>' in page
    assert "Stopped while filling" in page
    assert "catalog.track/0/7: no event" in page
    assert "catalog generations drop 2" in page
    client.cookies.set(COOKIE, OPERATOR)
    page = client.get("/generations").text
    assert ">Go on</button>" in page
    assert ">Drop 2</button>" in page
    assert ">Drop 1</button>" not in page, "the live one"


def test_a_rebuild_that_goes_on_is_left_alone(client: TestClient, engines: Engines) -> None:
    engines.answers["seen_generations"] = seen([LIVE, STOPPED], ["catalog"])
    client.cookies.set(COOKIE, OPERATOR)
    page = client.get("/generations").text
    assert "stopped" not in page.lower()
    assert "5 of 10" in page
    assert ">Drop 2</button>" not in page


def test_what_verify_makes_is_shown_as_scratch(client: TestClient, engines: Engines) -> None:
    scratch = replace(STOPPED, purpose=Purpose.VERIFY, note=None)
    engines.answers["seen_generations"] = seen([LIVE, scratch], [])
    client.cookies.set(COOKIE, OPERATOR)
    page = client.get("/generations").text
    assert ">scratch</span>" in page
    assert "verification only" in page
    assert "its process ended before it was done" in page
    assert ">Go on</button>" not in page
    assert ">Drop 2</button>" in page


def test_a_parked_record_is_shown_with_its_bytes(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    parked = DeadLetter(
        7, Stage.PROJECT, "catalog", 1, "catalog.track", 0, 42, b"<k>", b"v", [("h", b"1")],
        "no event", AT, 2,
    )  # fmt: skip
    monkeypatch.setattr(
        "adapters.dashboard.pages.dead_letters._found", lambda *_: (parked, "undecodable", "76")
    )
    page = client.get("/dead-letters/7").text
    assert "no event" in page
    assert "&lt;k&gt;" in page
    assert '<pre tabindex="0">76</pre>' in page


@pytest.mark.parametrize(
    ("entries", "shown"),
    [
        (
            '[{"owner": "release", "id": "r1", "match": {"raw": "X", "valid": false, "flaw":'
            ' "check digit"}, "track": null, "recording": null, "party": null,'
            ' "release": {"title": "A <b>", "version_title": null, "display_artist": "B"}}]',
            ("A &lt;b&gt;", "check digit"),
        ),
        (None, ("nothing in the catalog carries it",)),
    ],
)
def test_what_a_number_stands_on(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, entries: str | None, shown: tuple[str, ...]
) -> None:
    def answered(_rows: object, numbers: list[Asked]) -> list[LookupAnswer]:
        return [LookupAnswer(numbers[0].number, 1, entries, False, ())]

    monkeypatch.setattr("adapters.dashboard.pages.lookup.look_up", answered)
    monkeypatch.setattr(
        "adapters.dashboard.pages.lookup.read_queries",
        lambda *_: nullcontext(SimpleNamespace(rows=None)),
    )
    page = client.get("/lookup?scheme=gtin&value=299000009001").text
    for text in shown:
        assert text in page


def test_conflicts_page_by_page(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = {"id": "r<1>", "title": None, "display_artist": "B", "duration_ms": 187_250,
             "licensor_id": "L"}  # fmt: skip
    one = {"value": "ISRC1", "conflicts": ["titles"], "owner_count": 1_001, "owners": [owner]}
    page = ConflictPage([one], "ISRC1")
    monkeypatch.setattr("adapters.dashboard.pages.conflicts.conflict_page", lambda *_: page)
    monkeypatch.setattr(
        "adapters.dashboard.pages.conflicts.read_queries",
        lambda *_: nullcontext(SimpleNamespace(rows=None)),
    )
    shown = client.get("/conflicts").text
    for text in ("titles differ", "r&lt;1&gt;", "3:07.250", "and 1,000 more", "after=ISRC1"):
        assert text in shown
    page = ConflictPage([], None)
    assert "No ISRC contradicts itself" in client.get("/conflicts").text
