"""The dashboard in a real Chromium: every page, every action, live, by keyboard, for everybody."""

import json
import re
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Literal

import psycopg
import pytest
from playwright.sync_api import Dialog, Page, expect

from adapters.event_log.producer import producer
from adapters.event_log.tail import read_topics
from adapters.read_database.generations import PostgresGenerations
from projections.catalog import CATALOG
from projections.new_releases import NEW_RELEASES
from projections.ports.generations import Phase
from projections.read_model import ReadModel
from tests.adapters.dashboard.conftest import Board, picture

pytestmark = [pytest.mark.browser, pytest.mark.integration]

expect.set_options(timeout=60_000)

PAGES = {
    "flow": "/",
    "deliveries": "/deliveries",
    "topics": "/topics",
    "topic": "/topics/catalog.track",
    "workers": "/workers",
    "generations": "/generations",
    "dead-letters": "/dead-letters",
    "schemas": "/schemas",
    "schema": "/schemas/catalog.track.TrackAdded",
    "conflicts": "/conflicts",
    "lookup": "/lookup?scheme=gtin&value=299000009001",
    "sign-in": "/sign-in",
}
PICTURED = {
    ("flow", "light"): "flow",
    ("topic", "light"): "topic",
    ("workers", "light"): "workers",
    ("flow", "dark"): "flow-phone-dark",
}
WIDTHS: dict[Literal["light", "dark"], int] = {"light": 1280, "dark": 390}
"""Each page is looked at in light on a desk and in dark on a phone."""
_VIOLATIONS = """axe.run().then(found => found.violations.map(
    one => [one.impact, one.id, one.nodes.map(node => node.html)]))"""
AXE = Path(__file__).parent / "axe" / "axe.min.js"
SHOWN = {
    "flow": "all that is in the master is in the read models",
    "deliveries": "tracks-update.csv",
    "topics": "master.public.track",
    "topic": "TrackAdded",
    "workers": "catalog-project",
    "generations": "Generation 1",
    "dead-letters": "Nothing is parked",
    "schemas": "FULL_TRANSITIVE",
    "schema": '"TrackAdded"',
    "conflicts": "contradict",
    "lookup": "Signals from the Shelf",
    "sign-in": "operate",
}


def _live(board: Board, model: ReadModel = CATALOG) -> int:
    found = PostgresGenerations(board.endpoints.read_dsn, model).all()
    return next(one.number for one in found if one.phase is Phase.LIVE)


@pytest.mark.parametrize("name", PAGES)
def test_each_page_shows_its_content_to_everybody(operator: Page, name: str) -> None:
    page = operator
    for scheme, width in WIDTHS.items():
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(PAGES[name])
        expect(page.locator("main")).to_contain_text(SHOWN[name])
        if name == "flow":
            expect(page.locator(".u-legend").first).to_be_visible()
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(overflow) == 0, f"{scheme}: the page is wider than its window"
        if (name, scheme) in PICTURED:
            picture(page, PICTURED[name, scheme])
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate(_VIOLATIONS)
        assert [v for v in found if v[0] in ("serious", "critical")] == [], (
            f"{scheme}: {json.dumps(found, indent=1)}"
        )


def test_a_page_changes_by_itself_and_can_be_held_still(board: Board, page: Page) -> None:
    page.goto("/topics")
    row = page.locator("tr", has=page.get_by_role("link", name="master.public.artist", exact=True))
    before = row.locator("td").nth(1).inner_text()
    page.evaluate("window.stays = true")
    page.get_by_role("button", name="Pause updates").click()
    with psycopg.connect(board.endpoints.master_dsn, autocommit=True) as connection:
        connection.execute("UPDATE artist SET display_name = display_name || ' (again)'")
    resume = page.get_by_role("button", name="Resume updates")
    expect(resume).to_have_attribute("aria-pressed", "true")
    with page.expect_response(re.compile("/topics$")) as answered:
        resume.click()
    assert answered.value.ok
    expect(row.locator("td").nth(1)).not_to_have_text(before)
    assert page.evaluate("window.stays"), "the page was not loaded anew"


def test_it_is_used_without_a_mouse(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.goto("/lookup")
    page.get_by_label("Scheme").focus()
    page.keyboard.type("gtin")
    page.keyboard.press("Tab")
    page.keyboard.type("299000009001")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("Signals from the Shelf")


def test_a_wrong_key_is_refused_and_without_one_nothing_can_be_done(page: Page) -> None:
    page.goto("/generations")
    expect(page.get_by_role("main").get_by_role("link", name="sign in")).to_be_visible()
    expect(page.get_by_role("button", name="Rebuild")).to_have_count(0)
    page.goto("/sign-in")
    page.get_by_label("API key").fill("cat_wrong")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("unknown or revoked")


def test_a_key_finds_the_records_of_a_row(page: Page) -> None:
    page.goto("/topics/catalog.release")
    first = page.locator("#records summary").first
    first.click()
    expect(page.locator("#records details[open] pre")).to_contain_text('"committed_at"')
    key = first.locator("code").inner_text()
    page.get_by_label("Key").fill(key)
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#records")).to_contain_text(f"of key {key}")
    keys = page.locator("#records summary code").all_inner_texts()
    assert set(keys) == {key}


def test_a_rebuild_is_watched_from_its_start_to_the_switch(board: Board, operator: Page) -> None:
    page = operator
    before = _live(board)
    page.goto("/generations")
    page.get_by_role("button", name="Rebuild").click()
    expect(page.locator(".jobs li").first).to_contain_text("rebuild and switch")
    page.evaluate("window.stays = true")
    expect(page.locator(".jobs li").first).to_contain_text(
        re.compile(rf"done\s+rebuild and switch .* generation {before + 1} is live")
    )
    expect(page.locator(f"#catalog-{before + 1}")).to_contain_text("live")
    expect(page.locator(f"#catalog-{before}")).to_contain_text("retired")
    assert page.evaluate("window.stays"), "all of it was seen without loading the page again"
    assert _live(board) == before + 1
    picture(page, "generations")


def test_another_read_model_is_rebuilt_on_its_own(board: Board, operator: Page) -> None:
    page = operator
    before = _live(board), _live(board, NEW_RELEASES)
    page.goto("/generations")
    page.get_by_role("combobox", name="Read model").select_option("new_releases")
    page.get_by_role("button", name="Rebuild").click()
    expect(page.locator(".jobs li").first).to_contain_text(
        re.compile(r"done\s+rebuild and switch new_releases .* is live")
    )
    expect(page.locator(f"#new_releases-{before[1] + 1}")).to_contain_text("live")
    assert (_live(board), _live(board, NEW_RELEASES)) == (before[0], before[1] + 1)


def test_a_rollback_and_a_switch_ask_first(board: Board, operator: Page) -> None:
    page = operator
    page.goto("/generations")
    page.get_by_label("Switch to it when no row differs").uncheck()
    page.get_by_role("button", name="Rebuild").click()
    switch = page.get_by_role("button", name=re.compile(r"Switch to \d+"))
    expect(switch).to_be_visible()
    before = _live(board)
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", refuse)
    switch.click()
    assert re.fullmatch(r"Make generation \d+ of catalog live\?", asked[0])
    assert _live(board) == before
    page.on("dialog", lambda dialog: dialog.accept())
    expect(switch).to_be_enabled()
    switch.click()
    expect(page.locator(".jobs li").first).to_contain_text(re.compile(r"done\s+switch to"))
    switched = _live(board)
    assert switched != before
    page.get_by_role("button", name="Roll back catalog").click()
    expect(page.locator(".jobs li").first).to_contain_text(re.compile(r"done\s+roll back"))
    assert _live(board) == before


def test_what_is_parked_is_seen_retried_and_discarded(board: Board, operator: Page) -> None:
    page = operator
    out = producer(board.endpoints.kafka)
    for number in range(3):
        out.produce("catalog.track", b"\x00\x00\x00\x7f\xffno event", f"poison-{number}".encode())
    out.produce("master.public.track", b"{not json", b'{"id":"poison"}')
    assert out.flush(30) == 0
    _park_a_good_one(board)
    page.goto("/dead-letters")
    expect(page.locator("tbody tr[id^=d-]")).to_have_count(5)
    expect(page.get_by_role("region", name="Reasons")).to_contain_text("parked by a test")
    picture(page, "dead-letters")

    page.goto("/dead-letters?reason=parked+by+a+test")
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.locator(".jobs li").first).to_contain_text("1 resolved, 0 failed again")

    page.goto("/dead-letters?key=poison-0&topic=catalog.track")
    page.locator("tbody tr[id^=d-] a").first.click()
    expect(page.locator("pre")).to_contain_text("00 00 00 7f ff 6e 6f 20 65 76 65 6e 74")
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.locator(".jobs li").first).to_contain_text("0 resolved, 1 failed again")

    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/dead-letters?key=poison-0")
    page.get_by_role("button", name="Discard", exact=True).click()
    expect(page.locator(".jobs li").first).to_contain_text("1 discarded")
    page.goto("/dead-letters?topic=catalog.track")
    expect(page.locator("tbody tr[id^=d-]")).to_have_count(2)
    page.get_by_role("button", name="Discard all that the filter takes").click()
    expect(page.locator(".jobs li").first).to_contain_text("2 discarded")
    page.goto("/dead-letters")
    expect(page.locator("tbody tr[id^=d-]")).to_have_count(1)
    page.get_by_role("button", name="Discard all").click()
    expect(page.locator("main")).to_contain_text("Nothing is parked")

    page.goto("/")
    expect(page.locator("main")).to_contain_text("all that is in the master")
    expect(page.locator(".jobs li")).to_have_count(3)


def _park_a_good_one(board: Board) -> None:
    """A record that was dealt with long ago, as if it had been parked: a retry resolves it."""
    kafka = board.endpoints.kafka
    with closing(read_topics(kafka, ["catalog.artist"], "beginning", follow=False)) as records:
        (record,) = islice(records, 1)
    with psycopg.connect(board.endpoints.read_dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO engine.dead_letter (stage, read_model, generation, topic, partition,"
            ' "offset", key, value, reason) SELECT %s, read_model, number, %s, %s, %s, %s, %s, %s'
            " FROM engine.generation WHERE phase = 'live' AND read_model = 'catalog'",
            ("project", record.topic, record.partition, record.offset, record.key, record.value,
             "parked by a test"),
        )  # fmt: skip
