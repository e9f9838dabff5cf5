"""`catalog events tail`: from where, of what, until when."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from adapters.cli import events
from adapters.composition import endpoints as endpoints_module
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import load_settings
from adapters.composition.topology import topology
from adapters.event_log.avro.encoder import AvroEventEncoder
from adapters.event_log.producer import producer
from adapters.event_log.registry import Registry
from adapters.event_log.topics import Topics
from domain.events import Origin, topic_of
from domain.events.label import LabelAdded, LabelRemoved
from domain.failures import WrongUsage
from domain.schemas import contract_of


@pytest.fixture
def command() -> typer.Typer:
    app = typer.Typer()
    events.register(app)
    return app


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--topic", "nowhere"], "no such event topic"),
        (["--type", "Nothing"], "no such event type: Nothing"),
        (["--from", "yesterday"], "neither `beginning` nor a time"),
    ],
)
def test_wrong_options_are_named(command: typer.Typer, arguments: list[str], words: str) -> None:
    with pytest.raises(WrongUsage, match=words):
        CliRunner().invoke(command, ["events", "tail", *arguments], catch_exceptions=False)


@pytest.mark.integration
def test_tail(command: typer.Typer, engines: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints_module, "resolve_endpoints", lambda *_: engines)
    Topics(engines.kafka).apply(topology(load_settings()).all_topics)
    origin = Origin(table="label", position="1")
    written = [
        LabelAdded(event_id="tail/0", id="tail-1", origin=origin, changed=["name"], name="Näme"),
        LabelAdded(event_id="tail/1", id="tail-2", origin=origin, changed=[]),
        LabelRemoved(event_id="tail/2", id="tail-1", origin=origin, changed=[]),
    ]
    client = producer(engines.kafka)
    with Registry(engines.registry.url) as registry:
        encoder = AvroEventEncoder(registry)
        for event in written:
            registry.register(contract_of(type(event)))
            client.produce(topic_of("label"), encoder.encode(event), event.id.encode())
    client.produce(topic_of("label"), b"no event", b"tail-1")
    client.flush(30)

    def tail(*arguments: str) -> list[dict[str, Any]]:
        result = CliRunner().invoke(
            command,
            ["events", "tail", "--topic", "label", "--json", *arguments],
            catch_exceptions=False,
        )
        return [json.loads(line) for line in result.stdout.splitlines()]

    of_key = tail("--no-follow", "--key", "tail-1")
    assert [one.get("type") for one in of_key] == ["LabelAdded", "LabelRemoved", None]
    assert of_key[0]["event"]["name"] == "Näme"
    assert "wire format" in of_key[2]["error"]
    removed = tail("--no-follow", "--type", "LabelRemoved", "--key", "tail-1")
    assert [one["event"]["event_id"] for one in removed] == ["tail/2"]
    assert tail("--from", "beginning", "--key", "tail-2", "--limit", "1")[0]["key"] == "tail-2"
    soon = datetime.now(UTC) + timedelta(days=1)
    assert tail("--no-follow", "--from", soon.isoformat()) == []
    text = CliRunner().invoke(
        command, ["events", "tail", "--no-follow", "--key", "tail-1"], catch_exceptions=False
    )
    assert 'LabelAdded  tail-1  changed=["name"] name="Näme"' in text.stdout
    assert "UNDECODABLE" in text.stdout
