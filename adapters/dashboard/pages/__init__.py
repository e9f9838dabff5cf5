"""The pages, a module per subject; each view gets the dashboard, the request and who asks."""

from adapters.dashboard.board import View
from adapters.dashboard.pages import (
    conflicts,
    dead_letters,
    deliveries,
    flow,
    generations,
    lookup,
    schemas,
    topics,
    workers,
)

PAGES: dict[str, View] = {
    "/": flow.flow,
    "/history.json": flow.history,
    "/deliveries": deliveries.deliveries,
    "/deliveries/{number:int}": deliveries.delivery,
    "/topics": topics.topics,
    "/topics/{name}": topics.topic,
    "/topics/{name}/records": topics.records,
    "/workers": workers.workers,
    "/generations": generations.generations,
    "/dead-letters": dead_letters.dead_letters,
    "/dead-letters/{number:int}": dead_letters.dead_letter,
    "/schemas": schemas.schemas,
    "/schemas/{name}": schemas.schema,
    "/conflicts": conflicts.conflicts,
    "/lookup": lookup.lookup,
}
