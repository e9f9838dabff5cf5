"""`catalog topics`: applied, shown, checked."""

import json

import pytest
import typer
from typer.testing import CliRunner

from adapters.cli import topics
from adapters.composition import endpoints as endpoints_module
from adapters.composition import settings as settings_module
from adapters.composition.endpoints import Endpoints
from adapters.composition.setting_groups import ConnectSettings, KafkaSettings
from adapters.composition.settings import load_settings
from adapters.composition.topology import topology
from domain.failures import Unhealthy

pytestmark = pytest.mark.integration


def test_topics_are_applied_shown_and_checked(
    engines: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    # capture topics of this test's own; the event topics are the ones of the whole run
    settings = load_settings(connect=ConnectSettings(topic_prefix="cli"))
    monkeypatch.setattr(settings_module, "load_settings", lambda: settings)
    monkeypatch.setattr(endpoints_module, "resolve_endpoints", lambda *_: engines)
    app = typer.Typer()
    topics.register(app)

    def run(*arguments: str) -> str:
        return CliRunner().invoke(app, ["topics", *arguments], catch_exceptions=False).stdout

    with pytest.raises(Unhealthy, match=r"cli\.public\.track doesn't exist"):
        run("check")
    applied = {one["topic"]: one["action"] for one in json.loads(run("apply", "--json"))}
    assert applied["cli.public.track"] == "created"
    assert len(applied) == len(topology(settings).all_topics)
    assert "keep everything" in run("check")
    (shown,) = [t for t in json.loads(run("list", "--json")) if t["topic"] == "cli.public.track"]
    assert shown["configuration"]["retention.ms"] == "-1"
    assert [part["partition"] for part in shown["partitions"]] == [0, 1, 2, 3]
    assert "cli.public.track" in run("list")
    other = settings.model_copy(update={"kafka": KafkaSettings(partitions=3)})
    monkeypatch.setattr(settings_module, "load_settings", lambda: other)
    with pytest.raises(Unhealthy, match=r"cli\.public\.track has 4 partitions instead of 3"):
        run("check")
