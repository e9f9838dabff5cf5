"""What the read side's commands print, and how they refuse."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from adapters.cli import comparison as printing
from adapters.cli import generations, plans
from adapters.cli.main import application
from adapters.cli.phases import shown_on
from adapters.monitoring.generations import seen
from domain.failures import Failure, WrongUsage
from projections.engine.plan import Reading, RebuildPlan
from projections.engine.poison import Poison
from projections.engine.progress import Meter, Progress
from projections.engine.switch import CantSwitch
from projections.engine.verification import Comparison, Difference, TableComparison
from projections.ports.event_decoder import BadRecord
from projections.ports.generations import (
    Digest,
    Generation,
    Phase,
    Purpose,
    RebuildRunning,
    Scope,
    Throughput,
)

CHANGED = Difference(
    "track", "t1", "changed", {"title": "by hand"}, {"title": "as said"},
    "s/0/1/0", ("catalog.track", 0, 17),
)  # fmt: skip
LOST = Difference("track", "t2", "missing", {}, {"title": "x"}, "s/0/2/0", ("catalog.track", 1, 3))
DRIFTED = Comparison(
    {("catalog.track", 0): 18},
    (
        TableComparison("label", Digest(3, "1"), Digest(3, "1")),
        TableComparison(
            "track", Digest(2, "1"), Digest(3, "2"), only_replayed=("isrc",),
            different=2, differences=(CHANGED, LOST),
        ),
    ),
)  # fmt: skip


def test_drift_as_json() -> None:
    shown = json.loads(json.dumps(printing.as_dict(DRIFTED)))
    assert shown["equal"] is False
    assert shown["tables"][1]["different"] == 2
    assert shown["differences"][0] == {
        "table": "track", "id": "t1", "kind": "changed", "waiting": False, "columns": ["title"],
        "live": {"title": "by hand"}, "replayed": {"title": "as said"},
        "event": "s/0/1/0", "topic": "catalog.track", "partition": 0, "offset": 17,
    }  # fmt: skip


def test_drift_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    printing.show(DRIFTED)
    said = capsys.readouterr().out
    for word in ("by hand", "as said", "s/0/1/0 at catalog.track/0/17", "missing", "isrc"):
        assert word in said
    assert DRIFTED.summary() == "rows differ in track: 2"


def test_equal_rows_have_one_digest_and_others_another() -> None:
    def of(*digests: Digest) -> Comparison:
        tables = (TableComparison(f"t{n}", one, one) for n, one in enumerate(digests))
        return Comparison({}, tuple(tables))

    same = of(Digest(3, "1"), Digest(2, "7"))
    assert same.digest == of(Digest(3, "1"), Digest(2, "7")).digest
    others = (of(Digest(3, "1"), Digest(2, "8")), of(Digest(2, "7"), Digest(3, "1")))
    assert all(other.digest != same.digest for other in others)
    assert same.summary() == f"5 rows in 2 tables are equal, digest {same.digest}"


def test_progress_without_a_terminal_is_a_line_per_phase() -> None:
    written = io.StringIO()
    now = iter([0.0, 1.0, 5.0])
    with shown_on(Console(file=written)) as report:
        meter = Meter("filling", 10, report, lambda: next(now))
        meter.add(4)
        meter.add(6)
        report(Progress("indexing", detail="track"))
        report(Progress("indexing", 1, 2, detail="release"))
    assert written.getvalue().splitlines() == [
        "reading from message zero: 10 to do",
        "sorting and indexing",
    ]


def test_progress_tells_the_time_that_is_left() -> None:
    reports: list[Progress] = []
    now = iter([0.0, 2.0])
    Meter("filling", 30, reports.append, lambda: next(now)).add(10)
    assert (reports[-1].per_second, reports[-1].seconds_left) == (5.0, 4.0)


def test_progress_tells_what_comes_then() -> None:
    written = io.StringIO()
    with shown_on(Console(file=written, width=200)) as report:
        then = {"indexing": 200.0, "verifying": 7500.0}
        report(Progress("filling", 1000, 3000, 500.0, 4.0, then=then))
        report(Progress("indexing", 3, 11, 0.0, 61.0, "track"))
    assert written.getvalue().splitlines() == [
        "reading from message zero: 1,000 of 3,000, 500/s, 4 s left, then sorting and indexing "
        "3 min 20 s, comparing with the live one 2 h 5 min",
        "sorting and indexing: 3 of 11, 1 min 1 s left",
    ]


PLAN = RebuildPlan(
    as_of=None,
    resumes=4,
    readings=(Reading("catalog.track", 0, 5, 10), Reading("catalog.track", 1, 0, 7)),
    carried=("catalog.label",),
    violations=(),
    seconds={"filling": 8.0, "indexing": 2.0},
    timed_by=(2, 3),
)


def test_a_plan_as_json() -> None:
    shown = json.loads(json.dumps(plans.as_dict(PLAN)))
    assert shown["reads"][0] == {
        "topic": "catalog.track", "partition": 0, "from": 5, "to": 10, "offsets": 5,
    }  # fmt: skip
    assert (shown["offsets"], shown["carried_over"]) == (12, ["catalog.label"])
    assert (shown["history_whole"], shown["total_seconds"]) == (True, None)


def test_a_plan_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    plans.show(PLAN)
    said = capsys.readouterr().out
    for word in (
        "resumes generation 4",
        "carried over from the live generation",
        "12 offsets to read",
        "history is whole",
        "about 10 s, at the speed of generation 2 and 3: reading from message zero 8 s, sorting",
        "not known: comparing with the live one",
    ):
        assert word in said
    plans.show(replace(PLAN, seconds={}, timed_by=(), violations=("it lost its beginning",)))
    said = capsys.readouterr().out
    assert "no rebuild has been timed here" in said
    assert "not whole: it lost its beginning" in said


def test_a_generation_as_json_and_its_progress_as_text() -> None:
    instant = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    progress = Progress("filling", 10, 40, 5.0, 6.0).as_dict()
    one = Generation(
        "catalog", 3, "catalog_g3", Phase.FILLING, Purpose.AS_OF, Scope(as_of=instant),
        changed_at=instant, progress=progress, throughput={"filling": Throughput(10, 2.0)},
    )  # fmt: skip
    shown = json.loads(json.dumps(generations.as_dict(one)))
    assert (shown["as_of"], shown["purpose"]) == ("2026-01-02T03:04:05+00:00", "as_of")
    assert (shown["progress"]["to_go"], shown["progress"]["seconds_left"]) == (30, 6.0)
    assert shown["throughput"] == {"filling": {"offsets": 10, "seconds": 2.0}}
    assert Progress.of(shown["progress"]) == Progress("filling", 10, 40, 5.0, 6.0)
    assert Progress.of({}) is None


def test_a_rebuild_that_stopped_is_listed_as_such(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    instant = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    left = Generation("catalog", 3, "catalog_g3", Phase.FILLING, changed_at=instant, note="full")
    scratch = replace(left, number=4, purpose=Purpose.VERIFY, note=None)
    found = seen([left, scratch], [])
    monkeypatch.setenv("CATALOG_DATA", str(tmp_path))
    monkeypatch.setattr("adapters.composition.endpoints.resolve_endpoints", lambda *_: None)
    monkeypatch.setattr("adapters.composition.chain.seen_generations", lambda *_: found)
    context = SimpleNamespace(invoked_subcommand=None)
    generations.generations(context)  # type: ignore[arg-type]
    shown = capsys.readouterr()
    said = " ".join(shown.out.split())
    assert said.count("stopped") == 2
    assert "since 2026-01-02 03:04:05 UTC: full" in said
    assert "verification only" in said
    assert "`catalog rebuild --model catalog` goes on" in shown.err
    assert "`catalog generations drop 4 --model catalog` drops it" in shown.err
    generations.generations(context, as_json=True)  # type: ignore[arg-type]
    told = json.loads(capsys.readouterr().out)
    assert [one["phase"] for one in told] == ["filling", "filling"]
    assert told[0]["stopped_since"] == "2026-01-02T03:04:05+00:00"
    assert told[0]["stopped_because"] == "full"


def test_errors_in_a_users_words() -> None:
    assert CantSwitch("there is no generation 7").exit_code == 2
    assert RebuildRunning("another process builds").exit_code == 1
    bad = BadRecord("catalog.track", 1, 5, b"k", b"v", "no event")
    with pytest.raises(Failure, match=r"catalog.track/1/5 .*no event; --park-poison"):
        raise Poison(bad)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["dead-letters", "retry"], "or say --all"),
        (["dead-letters", "discard", "3", "--all"], "or say --all"),
        (["dead-letters", "list", "--stage", "nowhere"], "none of translate, project"),
        (["dead-letters", "list", "--stage", "translate", "--model", "catalog"], "leave --model"),
        (["project", "--model", "other"], "none of catalog, new_releases"),
        (
            ["new-releases", "--from", "2026-05-02", "--to", "2026-05-01"],
            "before --from 2026-05-02",
        ),
        (["rebuild", "--topics", "track,album"], "no such event topic: album"),
        (["rebuild", "--as-of", "yesterday"], "'yesterday' is no time"),
        (["rebuild", "--as-of", "2999-01-01"], "a time to come"),
        (["rebuild", "--as-of", "2026-01-01", "--topics", "track"], "leave the rest out"),
        (["rebuild", "--as-of", "2026-01-01", "--accept-differences"], "leave the rest out"),
        (["explain", "album", "1"], "no kind 'album'"),
        (["explain", "track", "1", "--field", "colour"], "no field 'colour'; it has artist_id"),
    ],
)
def test_wrong_usage(arguments: list[str], problem: str) -> None:
    outcome = CliRunner().invoke(application(), arguments)
    assert isinstance(outcome.exception, WrongUsage)
    assert problem in str(outcome.exception)
