"""Addresses: what is set, what runs, and that each command needs only what it uses."""

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from adapters.capture.connector import postgres_configuration
from adapters.composition import endpoints
from adapters.composition.engines import engine_plan
from adapters.composition.settings import load_settings
from adapters.composition.topology import capture, topology
from adapters.embedded.state import Running
from adapters.ingestion.sample import FOLDER
from domain.failures import Misconfigured
from migrations import run
from tests.adapters.ingestion.master import Master
from tests.databases import Databases

SIZE = {"message.max.bytes": "8388608"}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in endpoints.ENGINES.values():
        monkeypatch.delenv(variable, raising=False)


def _running(monkeypatch: pytest.MonkeyPatch, **addresses: str) -> None:
    monkeypatch.setattr(endpoints, "read_running", lambda data: Running(1, addresses))


def test_the_read_database_is_found_without_the_rest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # as of an `up` whose terminal had CATALOG_KAFKA__BOOTSTRAP, which this one hasn't
    _running(monkeypatch, read="postgresql://r/x", registry="http://r", connect="http://c")
    assert endpoints.read_address(load_settings(data=tmp_path)).startswith("postgresql://r/x?")


def test_only_what_is_needed_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _running(monkeypatch, read="postgresql://r/x")
    settings = load_settings(data=tmp_path)
    assert endpoints.resolve_endpoints(settings, ("read",)).kafka == {
        "bootstrap.servers": "",
        **SIZE,
    }
    with pytest.raises(Misconfigured, match=r"kafka, registry: set CATALOG_KAFKA__BOOTSTRAP, CAT"):
        endpoints.resolve_endpoints(settings, ("read", "kafka", "registry"))


def test_every_database_has_the_same_timeouts_unless_its_address_says_otherwise() -> None:
    plain = endpoints.with_timeouts("postgresql://u:p%2B@h:1/x")
    assert plain.startswith("postgresql://u:p%2B@h:1/x?connect_timeout=5&tcp_user_timeout=30000")
    own = endpoints.with_timeouts("postgresql://h/x?sslmode=require&connect_timeout=1")
    assert own.startswith("postgresql://h/x?sslmode=require&connect_timeout=1&tcp_user_timeout=")
    assert own.count("connect_timeout") == 1


def test_options_are_used_or_refused_for_the_embedded_broker_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _running(monkeypatch, kafka="127.0.0.1:1", read="postgresql://r/x")
    monkeypatch.setenv("CATALOG_KAFKA__OPTIONS__FETCH_WAIT_MAX_MS", "5")
    monkeypatch.setenv("CATALOG_KAFKA__MESSAGE_MAX_BYTES", "5000000")
    settings = load_settings(data=tmp_path)
    found = endpoints.resolve_endpoints(settings, ("kafka",))
    told = {"message.max.bytes": "5000000", "fetch.wait.max.ms": "5"}
    assert found.kafka == {"bootstrap.servers": "127.0.0.1:1", **told}
    assert engine_plan(settings).kafka_options == told, "the broker and Connect are told the same"
    monkeypatch.setenv("CATALOG_KAFKA__OPTIONS__SASL_PASSWORD", "secret")
    with pytest.raises(
        Misconfigured, match=r"sasl\.password: .* set CATALOG_KAFKA__BOOTSTRAP"
    ) as no:
        endpoints.resolve_endpoints(load_settings(data=tmp_path), ("kafka",))
    assert "secret" not in str(no.value)


def test_the_size_of_messages_is_one_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_KAFKA__MESSAGE_MAX_BYTES", "5000000")
    settings = load_settings()
    assert {plan.message_bytes for plan in topology(settings).all_topics} == {5_000_000}
    told = postgres_configuration(
        capture(settings),
        "postgresql://h/m",
        {"bootstrap.servers": "b:1"},
        slot="s",
        publication="p",
    )
    assert told["producer.override.max.request.size"] == "5000000"
    assert told["topic.creation.default.max.message.bytes"] == "5000000"
    monkeypatch.setenv("CATALOG_KAFKA__OPTIONS__MESSAGE_MAX_BYTES", "5000000")
    with pytest.raises(Misconfigured, match=r"set kafka\.message_max_bytes instead"):
        load_settings()


def test_the_master_may_have_a_schema_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_MASTER__SCHEMA", "music")
    monkeypatch.setenv("CATALOG_MASTER__URL", "postgresql://h/m?options=-cgeqo%3Doff")
    settings = load_settings()
    dsn = endpoints.resolve_endpoints(settings, ("master",)).master_dsn
    assert conninfo_to_dict(dsn)["options"] == "-cgeqo=off -csearch_path=music"
    assert topology(settings).change_topics[0].name.startswith("master.music.")
    monkeypatch.setenv("CATALOG_MASTER__SCHEMA", "Two words")
    with pytest.raises(Misconfigured, match=r"CATALOG_MASTER__SCHEMA"):
        load_settings()


@pytest.mark.integration
def test_its_schema_stands_beside_tables_of_the_same_names(databases: Databases) -> None:
    dsn = databases.create()
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE label (name text)")
    ours = endpoints.in_schema(dsn, "music")
    run.upgrade(ours, "master", "music")
    Master(ours).ingest(FOLDER)
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "SELECT (SELECT max(name) FROM public.label), count(*) > 0 FROM music.label"
        )
        assert found.fetchone() == (None, True)
    with pytest.raises(Misconfigured, match="has a table label already"):
        run.upgrade(dsn, "master", "public")
