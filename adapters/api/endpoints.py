"""The routes, as one table: what is asked, with which parameters, and what comes back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from adapters.api import parameters as ask
from adapters.api import shapes
from adapters.api.admission import Admission
from adapters.api.cursors import not_ours, read_cursor, write_cursor
from adapters.api.explain import Historian
from adapters.api.gathering import GatheredLookups, look_up_all
from adapters.api.problems import bad_parameter, malformed, unknown_row, unknown_scheme
from adapters.api.responses import Answer
from adapters.explanation.explanation import Explained
from adapters.read_database.query_pool import QueryPool
from domain.events import topic_of
from domain.identifiers import UnknownScheme
from projections.catalog.queries import entities, lists
from projections.catalog.queries.lookup import Asked, asked

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Service:
    """What the endpoints work with."""

    database: QueryPool
    lookups: GatheredLookups
    admission: Admission
    historian: Historian | None = None


@dataclass(frozen=True)
class Request:
    """A request that was checked: the path's variables, the query's parameters, the body."""

    path: Mapping[str, str]
    query: Any
    body: bytes = b""


Handler = Callable[[Service, Request], Awaitable[Answer]]


@dataclass(frozen=True)
class Endpoint:
    """One operation."""

    path: str
    summary: str
    handle: Handler
    query: type[ask.NoParameters]
    answer: type[Any]
    method: str = "GET"
    body: type[Any] | None = None
    problems: tuple[int, ...] = ()
    """Problems beside those that every operation may have."""
    path_values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Variables of the path that have a fixed list of values."""


def _json(members: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(members)


def _raw(items: list[str]) -> list[msgspec.Raw]:
    return [msgspec.Raw(item.encode()) for item in items]


def _entity(statement: str, kind: str) -> Handler:
    async def handle(service: Service, request: Request) -> Answer:
        parameters = {"id": request.path["id"]}
        if isinstance(request.query, ask.Availability):
            parameters |= request.query.as_sql()
        ((generation, body),) = await service.database.rows(statement, parameters)
        if body is None:
            raise unknown_row(kind, request.path["id"])
        return Answer(body.encode(), generation)

    return handle


def _releases_of(column: str) -> Handler:
    statement = lists.releases_of(column)
    kind = column.removesuffix("_id")

    async def handle(service: Service, request: Request) -> Answer:
        owner, page = request.path["id"], request.query
        binding = (kind, owner)
        after = read_cursor(page.cursor, binding, str) if page.cursor else ""
        rows = await service.database.rows(
            statement, page.as_sql() | {"owner": owner, "after": after, "limit": page.limit + 1}
        )
        generation, known, first, _ = rows[0]
        if not known:
            raise unknown_row(kind, owner)
        shown = rows[: page.limit] if first is not None else []
        cursor = write_cursor(shown[-1][3], binding) if len(rows) > page.limit else None
        body = {"items": _raw([row[2] for row in shown]), "next_cursor": cursor}
        return Answer(_json(body), generation)

    return handle


async def _changes(service: Service, request: Request) -> Answer:
    page: ask.Changes = request.query
    binding = ("changes", page.label, page.type, page.updated_since)
    seen = read_cursor(page.cursor, binding, dict[int, int]) if page.cursor else {}
    if any(not (0 <= n < 2**31 and -(2**63) <= o < 2**63) for n, o in seen.items()):
        raise not_ours()
    rows = await service.database.rows(
        lists.changed_releases(by_label=page.label is not None),
        page.as_sql()
        | {
            "partitions": list(seen),
            "offsets": list(seen.values()),
            "since": page.updated_since,
            "label": page.label,
            "type": page.type,
            "limit": page.limit + 1,
        },
    )
    generation, first, *_ = rows[0]
    shown = rows[: page.limit] if first is not None else []
    for _, _, partition, offset in shown:
        seen[partition] = offset
    body = {
        "items": _raw([row[1] for row in shown]),
        "next_cursor": write_cursor(seen, binding),
        "more": len(rows) > page.limit,
    }
    return Answer(_json(body), generation)


async def _search(service: Service, request: Request) -> Answer:
    search: ask.Search = request.query
    if search.title is None and search.artist is None:
        raise bad_parameter("say a title or an artist (3 letters at least)")
    rows = await service.database.rows(
        lists.search(title=search.title is not None, artist=search.artist is not None),
        search.as_sql() | {"title": search.title, "artist": search.artist, "limit": search.limit},
    )
    items = [row[1] for row in rows if row[1] is not None]
    return Answer(_json({"items": _raw(items)}), rows[0][0])


async def _conflicts(service: Service, request: Request) -> Answer:
    page: ask.Conflicts = request.query
    binding = ("conflicts", page.scheme)
    after = read_cursor(page.cursor, binding, str) if page.cursor else ""
    rows = await service.database.rows(
        lists.CONFLICTS, {"scheme": page.scheme, "after": after, "limit": page.limit + 1}
    )
    shown = rows[: page.limit] if rows[0][1] is not None else []
    cursor = write_cursor(shown[-1][2], binding) if len(rows) > page.limit else None
    body = {"items": _raw([row[1] for row in shown]), "next_cursor": cursor}
    return Answer(_json(body), rows[0][0])


def _asked(scheme: str, value: str, how: ask.Availability, namespace: str | None) -> Asked:
    one = asked(scheme, value, namespace)
    country = how.country and how.country.upper()
    return one._replace(country=country, usages=how.usage_types, at=how.at)


async def _lookup(service: Service, request: Request) -> Answer:
    how: ask.Lookup = request.query
    try:
        one = _asked(request.path["scheme"], request.path["value"], how, how.namespace)
    except UnknownScheme as error:
        raise unknown_scheme(error) from None
    found = await service.lookups.find(one)
    if (rule := found.broken_rule) is not None:
        raise malformed(found.number, rule)
    return Answer(found.as_json().encode(), found.generation)


async def _bulk(service: Service, request: Request) -> Answer:
    how: ask.Availability = request.query
    numbers: dict[int, Asked] = {}
    items: dict[int, dict[str, Any]] = {}
    bulk: shapes.BulkRequest = ask.read_body(request.body, shapes.BulkRequest)
    for place, item in enumerate(bulk.lookups):
        if "\x00" in (item.namespace or ""):
            raise bad_parameter("a namespace holds a NUL character")
        try:
            numbers[place] = _asked(item.scheme, item.value, how, item.namespace)
        except UnknownScheme as error:
            items[place] = {"status": 400, "problem": unknown_scheme(error).members}
    generation = None
    if numbers:
        found = await look_up_all(service.database, list(numbers.values()))
        generation = found[0].generation
        for place, it in zip(numbers, found, strict=True):
            items[place] = (
                {"status": 200, "answer": msgspec.Raw(it.as_json().encode())}
                if it.broken_rule is None
                else {"status": 400, "problem": malformed(it.number, it.broken_rule).members}
            )
    body = {"items": [items[place] for place in range(len(bulk.lookups))]}
    return Answer(_json(body), generation, is_cacheable=False)


async def _explain(service: Service, request: Request) -> Answer:
    kind, id_ = request.path["kind"], request.path["id"]
    if kind not in entities.KINDS:
        raise bad_parameter(f"there is no kind {kind!r}; there are: {', '.join(entities.KINDS)}")
    ((generation, text),) = await service.database.rows(entities.row(kind), {"id": id_})
    if text is None:
        raise unknown_row(kind, id_)
    row = msgspec.json.decode(text)
    written_by = {
        "event_id": row.pop("event_id"),
        "topic": topic_of(kind),
        "partition": row.pop("event_partition"),
        "offset": row.pop("event_offset"),
    }
    events: list[Explained] = []
    complete, note = False, None
    position = (written_by["topic"], written_by["partition"], written_by["offset"], id_)
    if service.historian is None:
        note = "this server has no event log to read: this is what the row itself knows"
    else:
        try:
            events, complete = await asyncio.to_thread(service.historian, *position)
        except Exception as error:  # Kafka, the registry, the network: the row is still known
            log.warning("the event log could not be read", reason=str(error))
            note = "the event log does not answer: this is what the row itself knows"
    body = {
        "kind": kind, "id": id_, "row": row, "written_by": written_by,
        "events": events, "complete": complete, "note": note,
    }  # fmt: skip
    return Answer(_json(body), generation)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("/v1/lookup/{scheme}/{value}", "All that a number stands on", _lookup,
             ask.Lookup, shapes.Lookup),
    Endpoint("/v1/lookups", "Up to 1,000 numbers in one request", _bulk, ask.Availability,
             shapes.BulkAnswers, method="POST", body=shapes.BulkRequest, problems=(413, 415)),
    Endpoint("/v1/releases", "Releases in the order in which they changed", _changes,
             ask.Changes, shapes.Changes),
    Endpoint("/v1/releases/{id}", "A release", _entity(entities.RELEASE, "release"),
             ask.Availability, shapes.Release, problems=(404,)),
    Endpoint("/v1/releases/{id}/tracks", "The tracks of a release",
             _entity(entities.RELEASE_TRACKS, "release"), ask.Availability, shapes.Tracks,
             problems=(404,)),
    Endpoint("/v1/tracks/{id}", "A track", _entity(entities.TRACK, "track"), ask.Availability,
             shapes.Track, problems=(404,)),
    Endpoint("/v1/recordings/{id}", "A recording", _entity(entities.RECORDING, "recording"),
             ask.NoParameters, shapes.Recording, problems=(404,)),
    Endpoint("/v1/artists/{id}", "An artist", _entity(entities.ARTIST, "artist"),
             ask.NoParameters, shapes.Artist, problems=(404,)),
    Endpoint("/v1/artists/{id}/releases", "The releases of an artist", _releases_of("artist_id"),
             ask.Page, shapes.ReleasePage, problems=(404,)),
    Endpoint("/v1/labels/{id}", "A label", _entity(entities.LABEL, "label"),
             ask.NoParameters, shapes.Label, problems=(404,)),
    Endpoint("/v1/labels/{id}/releases", "The releases of a label", _releases_of("label_id"),
             ask.Page, shapes.ReleasePage, problems=(404,)),
    Endpoint("/v1/search", "Releases by words of their title or artist", _search,
             ask.Search, shapes.Found),
    Endpoint("/v1/identifiers/conflicts", "Numbers whose owners contradict each other",
             _conflicts, ask.Conflicts, shapes.ConflictPage),
    Endpoint("/v1/explain/{kind}/{id}", "Why a row says what it says", _explain,
             ask.NoParameters, shapes.Explanation, problems=(404,),
             path_values={"kind": tuple(entities.KINDS)}),
)  # fmt: skip
"""All operations; the busiest first."""
