"""Addresses: what is set, what runs, and that each command needs only what it uses."""

from pathlib import Path

import pytest

from adapters.composition import endpoints
from adapters.composition.settings import load_settings
from adapters.embedded.state import Running
from domain.failures import Misconfigured


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
    assert endpoints.resolve_endpoints(settings, ("read",)).kafka == {"bootstrap.servers": ""}
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
    monkeypatch.setenv("CATALOG_KAFKA__OPTIONS__MESSAGE_MAX_BYTES", "5000000")
    settings = load_settings(data=tmp_path)
    found = endpoints.resolve_endpoints(settings, ("kafka",))
    assert found.kafka == {"bootstrap.servers": "127.0.0.1:1", "message.max.bytes": "5000000"}
    monkeypatch.setenv("CATALOG_KAFKA__OPTIONS__SASL_PASSWORD", "secret")
    with pytest.raises(
        Misconfigured, match=r"sasl\.password: .* set CATALOG_KAFKA__BOOTSTRAP"
    ) as no:
        endpoints.resolve_endpoints(load_settings(data=tmp_path), ("kafka",))
    assert "secret" not in str(no.value)
