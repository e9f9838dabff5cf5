"""What machines ask of the dashboard: its own health, and the chain's metrics."""

from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, ProcessCollector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from adapters.api.metrics import exposition
from adapters.dashboard.access import Admit, address_of
from adapters.dashboard.snapshots import Snapshots
from adapters.monitoring.chain_metrics import ChainMetrics
from domain.failures import Failure


def metrics(
    snapshots: Snapshots, registry: CollectorRegistry | None, admit: Admit | None
) -> Callable[[Request], Awaitable[Response]]:
    """The chain's metrics beside what `registry` tells (by default its own process); with `admit`
    only to a key with `read`."""
    if registry is None:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
    registry.register(ChainMetrics(snapshots.chain))

    async def answer(request: Request) -> Response:
        snapshots.start()
        if admit is not None:
            kind, _, key = request.headers.get("authorization", "").partition(" ")
            try:
                may = kind.lower() == "bearer" and await admit(
                    key.strip(), "read", address_of(request)
                )
            except Failure as error:
                return Response(f"{error}\n", 503, media_type="text/plain")
            if not may:
                text = "an API key is needed: Authorization: Bearer cat_…\n"
                needed = {"www-authenticate": 'Bearer realm="catalog"'}
                return Response(text, 401, needed, media_type="text/plain")
        told, kind = exposition(registry, request.headers.get("accept", ""))
        return Response(told, headers={"content-type": kind})

    return answer


async def live(_: Request) -> Response:
    """It lives and can be asked; that an engine is away is what its pages are there to show."""
    return JSONResponse({"status": "live"}, headers={"cache-control": "no-store"})
