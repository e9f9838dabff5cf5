"""The real registry: registering, looking up, refusing."""

import json
import secrets
from collections.abc import Iterator

import pytest
from fastavro.schema import to_parsing_canonical_form

from adapters.composition.endpoints import Endpoints
from adapters.event_log.avro.wire import NotRegistered, UnknownSchemaId
from adapters.event_log.registry import Registry, RegistryFailed
from domain.events import Event
from domain.events.track import TrackAdded
from domain.schemas import Contract, Version, contract_of, contracts, render

pytestmark = pytest.mark.integration


@pytest.fixture
def registry(engines: Endpoints) -> Iterator[Registry]:
    endpoint = engines.registry
    with Registry(endpoint.url, endpoint.user, endpoint.password) as registry:
        yield registry


def canonical(text: str) -> str:
    """What the schema says of bytes."""
    return str(to_parsing_canonical_form(json.loads(text)))


class Mood(Event):
    """An event type of this test's own; its subject is new in each run."""


def _contract(*changes: dict[str, object]) -> Contract:
    schema = json.loads(contract_of(TrackAdded).newest.text)
    schema |= {"namespace": f"{Mood.__module__}.m{secrets.token_hex(6)}", "name": "Mood"}
    versions = [Version(1, render(schema))]
    for number, field in enumerate(changes, 2):
        schema["fields"].append(field)
        versions.append(Version(number, render(schema)))
    Mood.SUBJECT = schema["namespace"].removeprefix("catalog.")
    return Contract(Mood, tuple(versions))


def test_all_contracts_register_and_are_found_again(registry: Registry) -> None:
    for contract in contracts():
        registration = registry.register(contract)
        assert registration.problems == []
        assert registration == registry.registration(contract)
        assert registration.schema_id == registry.schema_id(contract.name, contract.newest.text)
        text = registry.schema_text(registration.schema_id)  # which the registry may rewrite
        assert canonical(text) == canonical(contract.newest.text)
    assert len({registry.schema_id(c.name, c.newest.text) for c in contracts()}) == len(contracts())


def test_every_version_is_registered_in_order(registry: Registry) -> None:
    contract = _contract({"name": "mood", "type": ["null", "string"], "default": None})
    before = registry.registration(contract)
    assert (before.registered, before.versions, before.schema_id) == (0, 0, None)
    assert "run `catalog schemas register`" in before.problems[0]
    with pytest.raises(NotRegistered, match="run `catalog schemas register`"):
        registry.schema_id(contract.name, contract.newest.text)
    after = registry.register(contract)
    assert (after.registered, after.versions, after.compatibility) == (2, 2, "FULL_TRANSITIVE")
    assert registry.register(contract) == after
    second = registry.registered_text(contract.name, 2)
    assert canonical(second or "") == canonical(contract.newest.text)
    assert registry.registered_text(contract.name, 3) is None
    older = registry.registration(Contract(Mood, contract.versions[:1]))
    assert "the registry holds 2 versions, 1 are checked in" in older.problems[0]


def test_incompatible_version_is_refused_with_the_registrys_words(registry: Registry) -> None:
    contract = _contract({"name": "mood", "type": "string"})
    with pytest.raises(RegistryFailed, match=r"Mood.*HTTP 409"):
        registry.register(contract)


def test_unknown_id(registry: Registry) -> None:
    with pytest.raises(UnknownSchemaId, match="no schema has id 999999"):
        registry.schema_text(999_999)


def test_registry_that_is_not_there_is_named() -> None:
    with (
        Registry("http://127.0.0.1:9/apis/ccompat/v7") as registry,
        pytest.raises(RegistryFailed, match=r"127\.0\.0\.1:9.*CATALOG_REGISTRY__URL"),
    ):
        registry.schema_id("a", "{}")
