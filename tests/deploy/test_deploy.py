"""What `deploy/` says fits the code: metrics that exist, commands that exist, files that are there.

Tools judge the rest where they are installed: promtool the alert rules.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from prometheus_client import CollectorRegistry

from adapters.api.metrics import ApiMetrics
from adapters.cli.main import application
from adapters.composition.settings import load_settings
from adapters.composition.topology import READ_MODELS, project_group
from adapters.monitoring.chain_metrics import Chain, ChainMetrics
from adapters.monitoring.health import CaptureStatus, ChainStatus, State, Verdict
from adapters.monitoring.snapshots import RepeatedSnapshot
from adapters.telemetry.metrics import Metrics
from projections.translation.counters import TranslationCounters

DEPLOY = Path(__file__).parents[2] / "deploy"
_METRIC = re.compile(r"\b(catalog_[a-z_]+|process_[a-z_]+)\b")


def _told() -> set[str]:
    """Every metric that our processes tell."""
    metrics = Metrics()
    metrics.note_translation(TranslationCounters())
    capture = CaptureStatus(connector="master", connector_state="RUNNING", trace=None, slots=[])
    status = ChainStatus(
        at=datetime.now(UTC),
        capture=capture,
        topics=[],
        groups=[],
        generations=[],
        dead_letters=[],
        violations=[],
    )
    chain = RepeatedSnapshot("chain", lambda: Chain(status, Verdict(State.IDLE, ())), seconds=60)
    chain.take()
    whole = CollectorRegistry()
    whole.register(ChainMetrics(chain))
    api = ApiMetrics()
    api.note("/v1/releases/{id}", 200, 0.001)
    families = [*metrics.registry.collect(), *whole.collect(), *api.told.collect()]
    names = {family.name for family in families}
    names |= {f"{family.name}_total" for family in families if family.type == "counter"}
    histograms = {family.name for family in families if family.type == "histogram"}
    return names | {f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")}


def _asked() -> dict[str, set[str]]:
    """Every metric that alerts and the Grafana dashboard ask for, by file."""
    alerts = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())
    rules = [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]
    board = json.loads((DEPLOY / "grafana/catalog.json").read_text())
    queries = [t["expr"] for panel in board["panels"] for t in panel.get("targets", ())]
    return {
        "alerts": {name for rule in rules for name in _METRIC.findall(rule)},
        "grafana": {name for query in queries for name in _METRIC.findall(query)},
    }


@pytest.mark.parametrize("of", ["alerts", "grafana"])
def test_every_metric_that_is_asked_for_is_told(of: str) -> None:
    asked = _asked()[of]
    assert len(asked) > 5
    assert asked - _told() == set()


def test_every_metric_is_documented() -> None:
    text = (DEPLOY.parent / "docs/how-to/operations.md").read_text()
    told = {name for name in _told() if name.startswith("catalog_")}
    base = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in told}
    assert {name for name in base if name not in text} == set()


def _documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            yield file.name, document


def _commands() -> Iterator[tuple[str, list[str]]]:
    compose = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    for name, service in compose["services"].items():
        if "catalog-projections" in service.get("image", ""):
            yield f"compose {name}", [str(word) for word in service["command"]]
    for file, document in _documents():
        pod = document.get("spec", {}).get("template", {}).get("spec", {})
        for container in [*pod.get("initContainers", ()), *pod.get("containers", ())]:
            yield f"{file} {container['name']}", container["args"]


@pytest.mark.parametrize(("place", "arguments"), list(_commands()))
def test_every_command_exists_with_its_options(place: str, arguments: list[str]) -> None:
    command: Any = typer.main.get_command(application())
    context = command.make_context("catalog", list(arguments))
    while hasattr(command, "commands"):
        rest = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


_DEFAULT = re.compile(r"\$\{\w+:-(.*)\}|\$\{\w+\}")
_COMMENTED = re.compile(r"^ *# (CATALOG_\w+: .*)$", re.M)


def _set() -> dict[str, dict[str, str]]:
    """Variables that processes get, by where; in Kubernetes also those that wait in comments."""
    compose = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    found = {
        f"compose {name}": {
            variable: _DEFAULT.sub(lambda match: match[1] or "", str(value))
            for variable, value in service["environment"].items()
        }
        for name, service in compose["services"].items()
        if "catalog-projections" in service.get("image", "")
    }
    settings = (DEPLOY / "kubernetes/settings.yaml").read_text()
    given = yaml.safe_load(settings)["data"]
    for line in _COMMENTED.findall(settings):
        given |= yaml.safe_load(line)
    return {**found, "kubernetes": given}


@pytest.mark.parametrize("place", _set())
def test_every_setting_exists_and_can_be_read(
    place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in os.environ:
        if variable.startswith("CATALOG_"):
            monkeypatch.delenv(variable)
    secret = tmp_path / "secret"
    secret.write_text("postgresql://catalog:password@database/catalog")
    for variable, value in _set()[place].items():
        if variable.startswith("CATALOG_"):
            is_file = variable.endswith("_FILE") and not variable.endswith("KEY_FILE")
            monkeypatch.setenv(variable, str(secret) if is_file else value)
    settings = load_settings()
    if place in ("compose inbox", "kubernetes"):
        assert settings.inbox.where, "the inbox service has a place to watch"
    assert settings.kafka.bootstrap is not None


def test_kubernetes_lists_its_files_and_runs_nobody_as_root() -> None:
    kustomization = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())
    there = {file.name for file in (DEPLOY / "kubernetes").glob("*.yaml")}
    unlisted = {"kustomization.yaml", "secret.example.yaml"}
    assert set(kustomization["resources"]) == there - unlisted
    specs = [document.get("spec", {}) for _, document in _documents()]
    pods = [spec["template"]["spec"] for spec in specs if "template" in spec]
    assert len(pods) == 7
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["resources"]["limits"]["memory"]


def test_the_image_is_not_root_and_copies_what_there_is() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    users = [line for line in lines if line.startswith("USER ")]
    assert users == ["USER 10001:10001"]
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            *sources, _ = shlex.split(line)[1:]
            assert all((DEPLOY.parent / source).exists() for source in sources), line


@pytest.mark.parametrize(
    "arguments", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")]
)
def test_promtool_agrees(arguments: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool isn't installed (Debian: apt-get install prometheus)")
    done = subprocess.run(
        [promtool, *arguments],
        check=False,
        cwd=DEPLOY / "prometheus",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_read_model_has_its_workers() -> None:
    commands = dict(_commands())
    scaled = {
        trigger["metadata"]["consumerGroup"]
        for _, document in _documents()
        if document["kind"] == "ScaledObject"
        for trigger in document["spec"]["triggers"]
    }
    for model in READ_MODELS:
        own = ["project"] if model is READ_MODELS[0] else ["project", "--model", model.name]
        places = {place.split()[0] for place, arguments in commands.items() if arguments == own}
        assert len(places) == 2, f"one of compose, one of kubernetes: {places}"
        assert project_group(load_settings(), model) in scaled
