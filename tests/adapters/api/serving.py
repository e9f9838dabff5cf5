"""The API served for a test, over HTTP as clients see it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psycopg
import uvicorn

from adapters.api.application import AsgiApp
from adapters.api.server import listen
from migrations import run
from tests.beside import beside, join
from tests.catalog_rows import make_catalog


def prepare(dsn: str, generation: int = 1) -> None:
    """Make an empty read catalog with its engine's tables, and say that it is live."""
    run.upgrade(dsn, "engine", "engine")
    make_catalog(dsn, generation=generation)
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "INSERT INTO engine.generation (read_model, number, schema_name, phase, purpose) "
            "VALUES ('catalog', %s, 'catalog', 'live', 'serve')",
            (generation,),
        )


@contextmanager
def serving(app: AsgiApp) -> Iterator[httpx.Client]:
    """A client of the running application."""
    listening = listen("127.0.0.1", 0)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_config=None,
        ws="none",
        timeout_graceful_shutdown=10,
    )
    server = uvicorn.Server(config)
    thread = beside(server.run, ([listening],))
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}") as client:
            yield client
    finally:
        server.should_exit = True
        join(thread)
        listening.close()
