"""The OpenAPI 3.1 document, made of the routes and shapes that requests are served by."""

from typing import Any

import msgspec

from adapters.api import shapes
from adapters.api.endpoints import ENDPOINTS, Endpoint
from adapters.api.problems import MEDIA_TYPE

VERSION = "1.0.0"

_PROBLEMS = {
    400: "Something in the request is not of its form",
    401: "An API key is needed",
    403: "The API key lacks the scope",
    404: "There is no such thing",
    405: "The method is not for this path",
    413: "The body is too large",
    414: "The path is too long",
    415: "The body is not JSON",
    429: "The API key asks too often",
    503: "The read database is away, or took too long",
}
_ALWAYS = (400, 401, 403, 405, 414, 429, 503)
_RETRY = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
_NAMES = {"scheme": "isrc, gtin (upc, ean, jan, icpn, barcode), grid, iswc, isni, dpid, "
          "catalog-number or proprietary", "value": "The number in any of its forms",
          "id": "Id in the catalog", "kind": "Kind of row"}  # fmt: skip
_HEADERS = {
    "Catalog-Generation": {
        "description": "Number of the generation of the read catalog that answered",
        "schema": {"type": "integer"},
    },
    "ETag": {"description": "For If-None-Match", "schema": {"type": "string"}},
}


def document() -> bytes:
    """The document as JSON."""
    types: list[type[Any]] = [shapes.ProblemShape]
    for endpoint in ENDPOINTS:
        types += [t for t in (endpoint.answer, endpoint.body, endpoint.query) if t]
    found, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    references = dict(zip(types, found, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        operation = _operation(endpoint, references, components)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    queries = {endpoint.query.__name__ for endpoint in ENDPOINTS}
    answers = {t.__name__ for e in ENDPOINTS for t in (e.answer, e.body) if t}
    for name in queries - answers:
        components.pop(name, None)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Catalog API",
                "version": VERSION,
                "description": "The read catalog: by id, by the industry's identifiers, and as "
                "it changes. Errors are RFC 9457 problem details.",
            },
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            },
            "security": [{"key": []}],
        }
    )


def _operation(
    endpoint: Endpoint, references: dict[Any, dict[str, Any]], components: dict[str, Any]
) -> dict[str, Any]:
    names = [word[1:-1] for word in endpoint.path.split("/") if word.startswith("{")]
    parameters: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _NAMES[name],
            "schema": {"type": "string", "minLength": 1}
            | ({"enum": list(endpoint.path_values[name])} if name in endpoint.path_values else {}),
        }
        for name in names
    ]
    asked = msgspec.json.schema(endpoint.query)
    _, query = next(iter(asked["$defs"].items()))
    for name, declared in query["properties"].items():
        schema = _not_null(declared)
        described = schema.pop("description", None)
        parameters.append(
            {"name": name, "in": "query", "schema": schema}
            | ({"description": described} if described else {})
        )
    operation: dict[str, Any] = {
        "operationId": _operation_id(endpoint),
        "summary": endpoint.summary,
        "parameters": parameters,
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
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": references[endpoint.body]}},
        }
    for status in sorted({*_ALWAYS, *endpoint.problems}):
        operation["responses"][str(status)] = {
            "description": _PROBLEMS[status],
            **({"headers": _RETRY} if status in (429, 503) else {}),
            "content": {MEDIA_TYPE: {"schema": references[shapes.ProblemShape]}},
        }
    return operation


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that isn't given is absent, not null."""
    options = [option for option in schema.get("anyOf", []) if option.get("type") != "null"]
    rest = {k: v for k, v in schema.items() if k != "anyOf" and (k, v) != ("default", None)}
    return rest | (options[0] if options else {})


def _operation_id(endpoint: Endpoint) -> str:
    words = [w.strip("{}") for w in endpoint.path.split("/")[2:]]
    return "_".join([endpoint.method.lower(), *words])
