"""The OpenAPI document: what a generator of clients needs of it."""

import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest

from adapters.api import openapi, shapes
from adapters.api.endpoints import ENDPOINTS
from domain.identifiers import SCHEMES


@pytest.fixture(scope="module")
def document() -> Any:
    return msgspec.json.decode(openapi.document(is_open=True))


def _operations(document: Any) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        yield from item.values()


def _parts(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner)


def test_every_operation_is_there_and_each_reference_leads_somewhere(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    operations = {
        (path, method.upper()): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    assert set(operations) == {(endpoint.path, endpoint.method) for endpoint in ENDPOINTS}
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(set(ids)) == len(ids)
    schemas = document["components"]["schemas"]
    references = [part["$ref"] for part in _parts(document) if isinstance(part.get("$ref"), str)]
    assert references
    assert {one.removeprefix("#/components/schemas/") for one in references} == set(schemas)
    for endpoint in ENDPOINTS:
        declared = {
            p["name"]
            for p in operations[endpoint.path, endpoint.method]["parameters"]
            if p["in"] == "query"
        }
        assert declared == set(endpoint.query.__struct_fields__)


def test_schemas_have_plain_names_and_say_what_they_are(document: Any) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert re.fullmatch(r"[A-Z][A-Za-z]+", name), name
        assert schema["description"], name
        assert schema["type"] == "object", name


def test_every_operation_has_its_tag_its_problems_and_examples(document: Any) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    used = set()
    for operation in _operations(document):
        used |= set(operation["tags"])
        assert {"200", "400", "401", "429", "500", "503"} <= set(operation["responses"])
        for parameter in operation["parameters"]:
            is_told = parameter["in"] == "path" or parameter["name"] in ("at", "country")
            assert not is_told or "example" in parameter
        if "requestBody" in operation:
            (content,) = operation["requestBody"]["content"].values()
            msgspec.convert(content["example"], shapes.BulkLookupRequest)
    assert used == tags


def test_instants_dates_and_lists_of_words_are_typed(document: Any) -> None:
    schemas = document["components"]["schemas"]
    formats = {part["format"] for part in _parts(schemas) if isinstance(part.get("format"), str)}
    assert {"date", "date-time"} <= formats
    assert "enum" in schemas["Availability"]["properties"]["state"]
    assert set(get_args(shapes.Scheme)) == set(SCHEMES)
    parameters = document["paths"]["/v1/tracks/{id}"]["get"]["parameters"]
    (at,) = (one for one in parameters if one["name"] == "at")
    assert at["schema"] == {"type": "string", "format": "date-time"}


def test_a_key_is_optional_where_the_server_is_open_and_only_there(document: Any) -> None:
    assert document["security"] == [{"key": []}, {}]
    assert msgspec.json.decode(openapi.document(is_open=False))["security"] == [{"key": []}]
