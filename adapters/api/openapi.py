"""The OpenAPI 3.1 document, made of the routes and shapes that requests are served by."""

from typing import Any

import msgspec

from adapters.api import shapes
from adapters.api.endpoints import ENDPOINTS, Endpoint
from adapters.api.problems import MEDIA_TYPE, PHRASES

VERSION = "1.0.0"

_SOMETIMES = (404, 410, 413, 415)
"""Problems of some operations only; every other one may meet each."""
_ALWAYS = tuple(status for status in PHRASES if status not in _SOMETIMES)
_RETRY = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
_PATH_VARIABLES: dict[str, tuple[str, str]] = {
    "scheme": (
        "isrc, gtin (upc, ean, jan, icpn, barcode), grid, iswc, isni, dpid, catalog-number or"
        " proprietary",
        "isrc",
    ),
    "value": ("The number in any of its forms", "GB-LF9-26-90001"),
    "id": ("Id in the catalog; a slash is written %2F", "R1"),
    "kind": ("Kind of row", "track"),
}
"""What each is, and an example."""
_TAGS = {
    "Lookup": "Numbers of the industry, and all that they stand on",
    "Releases": "Releases: one, changed ones, found ones",
    "Tracks": "Places of recordings on releases",
    "Recordings": "Sound recordings and videos, which carry the ISRC",
    "Artists": "Artists and their releases",
    "Labels": "Labels and their releases",
    "Identifiers": "Numbers that were given out twice",
    "Explanation": "Why a row says what it says",
}
_HEADERS = {
    "Catalog-Generation": {
        "description": "Number of the generation of the read catalog that answered",
        "schema": {"type": "integer"},
    },
    "ETag": {"description": "For If-None-Match", "schema": {"type": "string"}},
}


def document(*, is_open: bool) -> bytes:
    """The document as JSON. `is_open`: a key may be left out."""
    types: list[type[Any]] = [shapes.ProblemDetails]
    for endpoint in ENDPOINTS:
        types += [t for t in (endpoint.answer, endpoint.body) if t]
    found, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    references = dict(zip(types, found, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(
            endpoint, references
        )
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Catalog API",
                "version": VERSION,
                "description": "The read catalog: by id, by the industry's identifiers, and as "
                "it changes. Errors are RFC 9457 problem details.",
            },
            "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {
                    "key": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "An API key: cat_…; see `catalog keys create`.",
                    }
                },
            },
            "security": [{"key": []}, {}] if is_open else [{"key": []}],
        }
    )


def _operation(endpoint: Endpoint, references: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(endpoint),
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint)],
        "responses": {
            "200": {
                "description": "The answer",
                "headers": _HEADERS,
                "content": {"application/json": {"schema": references[endpoint.answer]}},
            }
        },
    }
    if endpoint.method == "GET":
        operation["responses"]["304"] = {"description": "What the client has still holds"}
    if endpoint.body:
        content: dict[str, Any] = {"schema": references[endpoint.body]}
        if endpoint.example is not None:
            content["example"] = endpoint.example
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    for status in sorted({*_ALWAYS, *endpoint.problems}):
        operation["responses"][str(status)] = {
            "description": PHRASES[status],
            **({"headers": _RETRY} if status in (429, 503) else {}),
            "content": {MEDIA_TYPE: {"schema": references[shapes.ProblemDetails]}},
        }
    return operation


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    names = [word[1:-1] for word in endpoint.path.split("/") if word.startswith("{")]
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH_VARIABLES[name][0],
            "example": _PATH_VARIABLES[name][1],
            "schema": {"type": "string", "minLength": 1}
            | ({"enum": list(endpoint.path_values[name])} if name in endpoint.path_values else {}),
        }
        for name in names
    ]


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    asked = msgspec.json.schema(endpoint.query)
    _, query = next(iter(asked["$defs"].items()))
    parameters: list[dict[str, Any]] = []
    for name, declared in query["properties"].items():
        schema = _not_null(declared)
        parameter = {"name": name, "in": "query", "required": False, "schema": schema}
        if description := schema.pop("description", None):
            parameter["description"] = description
        if examples := schema.pop("examples", None):
            parameter["example"] = examples[0]
        parameters.append(parameter)
    return parameters


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that isn't given is absent, not null."""
    options = [option for option in schema.get("anyOf", []) if option.get("type") != "null"]
    rest = {k: v for k, v in schema.items() if k != "anyOf" and (k, v) != ("default", None)}
    return rest | (options[0] if options else {})


def _operation_id(endpoint: Endpoint) -> str:
    words = [w.strip("{}") for w in endpoint.path.split("/")[2:]]
    return "_".join([endpoint.method.lower(), *words])
