"""The deliveries of a real inbox, as an operator sees them."""

from dataclasses import replace
from pathlib import Path
from threading import Event

import psycopg
import pytest
from starlette.testclient import TestClient

from adapters.composition.inboxes import open_store
from adapters.composition.setting_groups import InboxSettings
from adapters.composition.settings import load_settings
from adapters.dashboard.access import AccessRules
from adapters.dashboard.app import dashboard_app
from adapters.ingestion.inbox import overview
from adapters.ingestion.inbox.watch import Watching, watch
from adapters.monitoring.snapshots import RepeatedSnapshot
from migrations import run
from tests.adapters.dashboard.test_access import NOWHERE
from tests.adapters.ingestion.deliveries import write_batch
from tests.adapters.ingestion.messages import SENDER, album
from tests.connections import opening

FIRST, SECOND = "20260101120000123", "20260102120000123"


async def nobody(*_: object) -> bool:
    """Judges keys; nobody has one."""
    return False


def client_of(master: str) -> TestClient:
    """A visitor of an open dashboard."""
    access = AccessRules(nobody, True, True, None)
    return TestClient(dashboard_app(load_settings(), replace(NOWHERE, master_dsn=master), access))


@pytest.fixture(autouse=True)
def _nothing_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain isn't there, and its snapshots are no matter here."""
    monkeypatch.setattr(RepeatedSnapshot, "start", lambda _: None)


@pytest.mark.integration
def test_what_came_is_shown_with_its_reasons(database: str, tmp_path: Path) -> None:
    run.upgrade(database, "master", "public")
    inbox = tmp_path / "inbox"
    write_batch(inbox / FIRST, {"299000009001": album(), "299000009018": b"<broken>"})
    write_batch(inbox / SECOND, {"299000009001": album("2026-02-01T00:00:00Z", number="2")})
    write_batch(inbox / "20260103120000123", {"299000009001": album()}, complete=False)
    store = open_store(str(inbox), InboxSettings())
    watch([store], opening(database), Watching(settle=0), Event(), once=True)

    client = client_of(database)
    page = client.get("/deliveries").text
    for text in (FIRST, SECOND, SENDER, "no BatchComplete_ yet", "not well-formed", "2 of 2"):
        assert text in page
    with psycopg.connect(database) as connection:
        first = next(b for b in overview.batches(connection, None, 9) if b.path == FIRST)
        assert all(b.id < first.id for b in overview.batches(connection, first.id, 9))
    page = client.get(f"/deliveries/{first.id}").text
    for text in (
        "quarantined",
        "not well-formed",
        f"ACK_{FIRST}_299000009018.xml",
        f"superseded</span> by <code>{SENDER}:2:",
        "To send refused messages again",
    ):
        assert text in page
    assert client.get("/deliveries/999").status_code == 404


@pytest.mark.integration
def test_a_master_without_tables_is_told(database: str) -> None:
    page = client_of(database).get("/deliveries")
    assert page.status_code == 503
    assert "catalog migrate" in page.text


def test_without_a_master_it_says_which_setting_is_missing() -> None:
    page = client_of("").get("/deliveries")
    assert page.status_code == 503
    assert "CATALOG_MASTER__URL" in page.text
