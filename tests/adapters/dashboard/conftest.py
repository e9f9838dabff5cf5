"""A chain of its own with sample data, its dashboard, and a real Chromium to look at it."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

import adapters.ingestion.sample
from adapters.api.server import LOOPBACK_NAMES, listen
from adapters.composition import services
from adapters.composition.chain import await_idle
from adapters.composition.endpoints import Endpoints
from adapters.composition.engines import running_engines
from adapters.composition.settings import Settings, load_settings
from adapters.dashboard.app import over_read_database
from adapters.ingestion.ingest import ingest
from adapters.read_database.api_keys import create_key
from tests.beside import beside, join
from tests.connections import opening

DELIVERIES = Path(adapters.ingestion.sample.__file__).parent / "deliveries"
PICTURES = "DASHBOARD_PICTURES"
"""Names the folder that gets pictures of the pages, such as `docs/reference/dashboard`."""

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Board:
    """A running dashboard and the chain that it shows."""

    url: str
    key: str
    """API key with `operate`."""
    settings: Settings
    endpoints: Endpoints


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium; gone with its module, as Playwright keeps an event loop running."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=list(_FLAGS))


@pytest.fixture(scope="module")
def board(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """Engines, workers and a dashboard that no other test touches, with the sample data."""
    folder = tmp_path_factory.mktemp("dashboard") / "data"
    for parent in (folder.parent, folder.parent.parent, folder.parent.parent.parent):
        parent.chmod(0o711)
    settings = load_settings(data=folder)
    with (
        running_engines(settings) as endpoints,
        services.running_workers(settings, endpoints, lambda _: None),
    ):
        ingest(opening(endpoints.master_dsn), [str(DELIVERIES)])
        await_idle(settings, endpoints, seconds=120)
        with psycopg.connect(endpoints.read_dsn, autocommit=True) as connection:
            key = create_key(connection, "browser test", ["operate", "read"], 1000)
        with listen("127.0.0.1", 0) as listening:
            app = over_read_database(
                settings, endpoints, is_open=True, hosts=LOOPBACK_NAMES, is_metrics_open=True
            )
            server = uvicorn.Server(
                uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=10)
            )
            thread = beside(server.run, ([listening],))
            thread.start()
            try:
                url = f"http://127.0.0.1:{listening.getsockname()[1]}"
                yield Board(url, key, settings, endpoints)
            finally:
                server.should_exit = True
                join(thread)


@pytest.fixture
def page(browser: Browser, board: Board) -> Iterator[Page]:
    """A fresh visitor; the test fails where a page's script does, or its policy is broken."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=board.url)
    context.set_default_timeout(60_000)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    refused = "Failed to load resource: the server responded with a status of 4"
    assert [text for text in wrong if not text.startswith(refused)] == []


@pytest.fixture
def operator(page: Page, board: Board) -> Page:
    """A visitor who has signed in with a key that may operate."""
    page.goto("/sign-in")
    page.get_by_label("API key").fill(board.key)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()
    return page


def picture(page: Page, name: str) -> None:
    """Keep a picture where somebody asked for them."""
    folder = os.environ.get(PICTURES)
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")
