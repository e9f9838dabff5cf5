"""What each operation does: its statement, and the answer around what PostgreSQL says."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import structlog

from adapters.api import parameters as ask
from adapters.api import shapes
from adapters.api.cursors import not_ours, read_cursor, write_cursor
from adapters.api.gathering import look_up_all
from adapters.api.problems import bad_parameter, former_log, malformed, unknown_row, unknown_scheme
from adapters.api.request import ApiContext, Handler, Request
from adapters.api.responses import Response
from adapters.event_log.history import SearchLimits
from adapters.explanation.explanation import LOG_AWAY, ROW_ONLY, of_row
from domain.events import topic_of
from domain.identifiers import UnknownScheme, is_text
from domain.territories import zone_of
from projections.catalog.queries import entities, lists
from projections.catalog.queries.lookup import Asked, asked

log = structlog.get_logger(__name__)

LOOK_BACK = SearchLimits(offsets=20_000, found=50, seconds=3.0)
"""How far an explanation looks for events before the one that wrote the row."""


def _json(members: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(members)


def _raw(items: list[str]) -> list[msgspec.Raw]:
    return [msgspec.Raw(item.encode()) for item in items]


def entity(statement: str, kind: str) -> Handler:
    """Answers one row by its id, by a statement of `queries.entities`."""

    async def handle(context: ApiContext, request: Request) -> Response:
        parameters = {"id": request.path["id"]}
        if isinstance(request.query, ask.AvailabilityParameters):
            parameters |= request.query.as_sql(context.zones)
        ((generation, body),) = await context.database.rows(statement, parameters)
        if body is None:
            raise unknown_row(kind, request.path["id"])
        return Response(body.encode(), generation)

    return handle


def releases_of(column: str) -> Handler:
    """Answers the releases of an artist or label in pages."""
    statement = lists.releases_of(column)
    kind = column.removesuffix("_id")

    async def handle(context: ApiContext, request: Request) -> Response:
        owner, page = request.path["id"], request.query
        binding = (kind, owner)
        after = read_cursor(page.cursor, binding, str) if page.cursor else ""
        rows = await context.database.rows(
            statement,
            page.as_sql(context.zones) | {"owner": owner, "after": after, "limit": page.limit + 1},
        )
        generation, known, first, _ = rows[0]
        if not known:
            raise unknown_row(kind, owner)
        shown = rows[: page.limit] if first is not None else []
        cursor = write_cursor(shown[-1][3], binding) if len(rows) > page.limit else None
        body = {"items": _raw([row[2] for row in shown]), "next_cursor": cursor}
        return Response(_json(body), generation)

    return handle


def offers_of(kind: str) -> Handler:
    """Answers all offers of a release or track in pages, all as of the first page's instant."""
    statement = lists.offers_of(kind)

    async def handle(context: ApiContext, request: Request) -> Response:
        own_id, page = request.path["id"], request.query
        given = page.as_sql(context.zones)
        binding = (f"offers of {kind}", own_id, given["country"], page.usage_types, page.at)
        after = ""
        if page.cursor:
            given["at"], after = read_cursor(page.cursor, binding, tuple[datetime, str])
            if not is_text(after):
                raise not_ours()
        rows = await context.database.rows(
            statement, given | {"id": own_id, "after": after, "limit": page.limit + 1}
        )
        generation, known, at, first, _ = rows[0]
        if not known:
            raise unknown_row(kind, own_id)
        shown = rows[: page.limit] if first is not None else []
        cursor = write_cursor((at, shown[-1][4]), binding) if len(rows) > page.limit else None
        body = {"items": _raw([row[3] for row in shown]), "next_cursor": cursor}
        return Response(_json(body), generation)

    return handle


async def changes(context: ApiContext, request: Request) -> Response:
    """Releases in the order in which they changed."""
    page: ask.ChangesParameters = request.query
    binding = ("changes", page.label, page.type, page.updated_since)
    former, seen = _changes_cursor(page.cursor, binding) if page.cursor else (None, {})
    if any(
        not (0 <= n < 2**31 and min(at) >= -(2**63) and max(at) < 2**63) for n, at in seen.items()
    ):
        raise not_ours()
    rows = await context.database.rows(
        lists.changed_releases(by_label=page.label is not None),
        page.as_sql(context.zones)
        | {
            "partitions": list(seen),
            "offsets": [offset for offset, _ in seen.values()],
            "lates": [late for _, late in seen.values()],
            "topic": topic_of("release"),
            "since": page.updated_since,
            "label": page.label,
            "type": page.type,
            "limit": page.limit + 1,
        },
    )
    generation, first, *_, its = rows[0]
    if former not in (None, its):
        raise former_log()
    shown = rows[: page.limit] if first is not None else []
    for _, _, partition, offset, late, _ in shown:
        seen[partition] = (offset, late)
    body = {
        "items": _raw([row[1] for row in shown]),
        "next_cursor": write_cursor((its, seen), binding),
        "more": len(rows) > page.limit,
    }
    return Response(_json(body), generation)


def _changes_cursor(
    cursor: str, binding: tuple[object, ...]
) -> tuple[str, dict[int, tuple[int, int]]]:
    """The log that a cursor counts in, and partition → offset and late change read up to.

    Raises Problem for one that isn't ours or that a release gave which noted no log.
    """
    kind = tuple[str, dict[int, tuple[int, int]]] | dict[int, int | tuple[int, int]]
    found: Any = read_cursor(cursor, binding, kind)  # type: ignore[arg-type]
    if isinstance(found, dict):
        raise former_log()
    return found  # type: ignore[no-any-return]


async def search(context: ApiContext, request: Request) -> Response:
    """Releases by words."""
    search: ask.SearchParameters = request.query
    if search.title is None and search.artist is None:
        raise bad_parameter("say a title or an artist (3 letters at least)")
    rows = await context.database.rows(
        lists.search(title=search.title is not None, artist=search.artist is not None),
        search.as_sql(context.zones)
        | {"title": search.title, "artist": search.artist, "limit": search.limit},
    )
    items = [row[1] for row in rows if row[1] is not None]
    return Response(_json({"items": _raw(items)}), rows[0][0])


async def conflicts(context: ApiContext, request: Request) -> Response:
    """Numbers that were given out twice."""
    page: ask.ConflictsParameters = request.query
    binding = ("conflicts", page.scheme)
    after = read_cursor(page.cursor, binding, str) if page.cursor else ""
    rows = await context.database.rows(
        lists.CONFLICTS, {"scheme": page.scheme, "after": after, "limit": page.limit + 1}
    )
    shown = rows[: page.limit] if rows[0][1] is not None else []
    cursor = write_cursor(shown[-1][2], binding) if len(rows) > page.limit else None
    body = {"items": _raw([row[1] for row in shown]), "next_cursor": cursor}
    return Response(_json(body), rows[0][0])


def _asked(
    scheme: str,
    value: str,
    how: ask.AvailabilityParameters,
    namespace: str | None,
    zones: Mapping[str, str],
) -> Asked:
    country = how.country and how.country.upper()
    one = asked(scheme, value, namespace, country=country, usages=how.usage_types, at=how.at)
    return one._replace(zone=country and zone_of(country, zones))


async def lookup(context: ApiContext, request: Request) -> Response:
    """What one number stands on."""
    how: ask.LookupParameters = request.query
    try:
        one = _asked(
            request.path["scheme"], request.path["value"], how, how.namespace, context.zones
        )
    except UnknownScheme as error:
        raise unknown_scheme(error) from None
    found = await context.lookups.find(one)
    if (rule := found.broken_rule) is not None:
        raise malformed(found.number, rule)
    return Response(found.as_json().encode(), found.generation)


async def bulk(context: ApiContext, request: Request) -> Response:
    """What many numbers stand on, in one statement."""
    how: ask.AvailabilityParameters = request.query
    numbers: dict[int, Asked] = {}
    items: dict[int, dict[str, Any]] = {}
    bulk: shapes.BulkLookupRequest = ask.read_body(request.body, shapes.BulkLookupRequest)
    for place, item in enumerate(bulk.lookups):
        if "\x00" in (item.namespace or ""):
            raise bad_parameter("a namespace holds a NUL character")
        try:
            numbers[place] = _asked(item.scheme, item.value, how, item.namespace, context.zones)
        except UnknownScheme as error:
            items[place] = {"status": 400, "problem": unknown_scheme(error).members}
    generation = None
    if numbers:
        found = await look_up_all(context.database, list(numbers.values()))
        generation = found[0].generation
        for place, it in zip(numbers, found, strict=True):
            items[place] = (
                {"status": 200, "answer": msgspec.Raw(it.as_json().encode())}
                if it.broken_rule is None
                else {"status": 400, "problem": malformed(it.number, it.broken_rule).members}
            )
    body = {"items": [items[place] for place in range(len(bulk.lookups))]}
    return Response(_json(body), generation, is_cacheable=False)


async def explain(context: ApiContext, request: Request) -> Response:
    """Why a row says what it says."""
    kind, id_ = request.path["kind"], request.path["id"]
    if kind not in entities.KINDS:
        raise bad_parameter(f"there is no kind {kind!r}; there are: {', '.join(entities.KINDS)}")
    ((generation, text),) = await context.database.rows(entities.row(kind), {"id": id_})
    if text is None:
        raise unknown_row(kind, id_)
    told = of_row(kind, id_, text)
    if context.history is None:
        told = replace(told, note=ROW_ONLY)
    else:
        try:
            told = await asyncio.to_thread(context.history, told, LOOK_BACK)
        except Exception as error:  # Kafka, the registry, the network: the row is still known
            log.warning("the event log could not be read", reason=str(error))
            told = replace(told, note=LOG_AWAY)
    return Response(told.as_json(), generation)
