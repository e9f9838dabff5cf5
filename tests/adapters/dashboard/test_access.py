"""Who may look and who may act; requests that another site made are refused."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import load_settings
from adapters.dashboard.access import COOKIE, AccessRules, public_part, token_of
from adapters.dashboard.app import dashboard_app
from adapters.dashboard.snapshots import Snapshots
from adapters.event_log.registry_endpoint import RegistryEndpoint
from domain.failures import Unavailable

OPERATOR = "cat_abcdefghij12_" + "o_perate-" * 4 + "1234567"
READER = "cat_bcdefghijk12_" + "r_ead-key" * 4 + "1234567"
SCOPES = {OPERATOR: {"read", "operate"}, READER: {"read"}}
NOWHERE = Endpoints(
    kafka={"bootstrap.servers": "127.0.0.1:1"},
    registry=RegistryEndpoint("http://127.0.0.1:1"),
    connect_url="http://127.0.0.1:1",
    master_dsn="postgresql://nobody@127.0.0.1:1/none",
    read_dsn="postgresql://nobody@127.0.0.1:1/none",
)
FROM_US = {"sec-fetch-site": "same-origin"}


async def _admit(key: str, scope: str, _address: str) -> bool:
    return scope in SCOPES.get(key, ())


@pytest.fixture(autouse=True)
def _nothing_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Snapshots, "start", lambda _: None)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    yield from _client(tmp_path, is_open=True)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[TestClient]:
    yield from _client(tmp_path, is_open=False)


def _client(folder: Path, *, is_open: bool) -> Iterator[TestClient]:
    app = dashboard_app(load_settings(data=folder), NOWHERE, AccessRules(_admit, is_open))
    with TestClient(app, follow_redirects=False) as client:
        yield client


def test_a_keys_public_part_holds_nothing_of_its_secret() -> None:
    assert public_part(OPERATOR) == "cat_abcdefghij12"
    assert public_part("cat_short_x") == "?"
    assert public_part("nonsense") == "?"


def test_an_open_dashboard_shows_its_pages_and_hides_its_buttons(client: TestClient) -> None:
    answer = client.get("/generations")
    assert answer.status_code == 200
    assert "/generations/rebuild" not in answer.text


def test_probes_and_scrapers_need_no_key(closed: TestClient) -> None:
    assert closed.get("/health/live").status_code == 200
    assert closed.get("/health/ready").status_code == 200
    told = closed.get("/metrics").text
    assert "catalog_chain_seen 0.0" in told
    assert "process_resident_memory_bytes" in told


@pytest.mark.parametrize("path", ["/", "/topics", "/dead-letters", "/lookup"])
def test_a_closed_dashboard_asks_for_a_key(closed: TestClient, path: str) -> None:
    answer = closed.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert closed.get("/history.json").status_code == 401


def test_signing_in_keeps_the_key_out_of_scripts_and_of_other_sites(closed: TestClient) -> None:
    answer = closed.post("/sign-in", data={"key": OPERATOR}, headers=FROM_US)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    page = closed.get("/generations")
    assert page.status_code == 200
    assert "cat_abcdefghij12" in page.text
    assert OPERATOR not in page.text
    assert "/generations/rebuild" in page.text
    closed.post("/sign-out", headers=FROM_US, data={})
    assert closed.get("/generations").status_code == 303


def test_a_wrong_key_is_refused(client: TestClient) -> None:
    answer = client.post("/sign-in", data={"key": "cat_no"}, headers=FROM_US)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


ACTIONS = [
    "/generations/rebuild",
    "/generations/switch",
    "/generations/rollback",
    "/generations/drop",
    "/dead-letters/retry",
    "/dead-letters/discard",
]


@pytest.mark.parametrize("action", ACTIONS)
def test_actions_need_a_key_with_operate(client: TestClient, action: str) -> None:
    assert client.post(action, data={"number": "1"}, headers=FROM_US).status_code == 403
    client.cookies.set(COOKIE, READER)
    data = {"number": "1", "token": token_of(READER)}
    assert client.post(action, data=data, headers=FROM_US).status_code == 403
    assert client.get(action).status_code == 405


@pytest.mark.parametrize("action", ACTIONS)
def test_actions_need_the_forms_token_and_our_own_page(client: TestClient, action: str) -> None:
    client.cookies.set(COOKIE, OPERATOR)
    good = {"number": "1", "token": token_of(OPERATOR)}
    for data, headers in (
        ({"number": "1"}, FROM_US),
        ({"number": "1", "token": token_of(READER)}, FROM_US),
        (good, {"sec-fetch-site": "cross-site"}),
        (good, {"sec-fetch-site": "same-site"}),
        (good, {"origin": "https://elsewhere.example"}),
    ):
        assert client.post(action, data=data, headers=headers).status_code == 403


def test_an_operators_action_is_started_and_logged(
    client: TestClient, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    client.cookies.set(COOKIE, OPERATOR)
    data = {"token": token_of(OPERATOR)}
    unknown = client.post("/generations/rollback", data=data | {"model": "x"}, headers=FROM_US)
    assert unknown.status_code == 404
    answer = client.post("/generations/rollback", data=data, headers=FROM_US)
    assert (answer.status_code, answer.headers["location"]) == (303, "/generations")
    page = client.get("/generations").text
    assert "roll back catalog</strong> by cat_abcdefghij12" in page
    told = capsys.readouterr().out + caplog.text
    assert "action started" in told
    assert "cat_abcdefghij12" in told
    assert OPERATOR not in told


def test_every_answer_forbids_what_pages_do_not_need(client: TestClient) -> None:
    for path in ("/", "/nope", "/static/dashboard.css", "/sign-in"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_pages_load_nothing_from_elsewhere_and_need_no_inline_code(client: TestClient) -> None:
    for path in ("/", "/generations", "/lookup", "/sign-in"):
        page = client.get(path).text
        assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", page)
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=", page)


def test_what_is_asked_for_comes_back_escaped(client: TestClient) -> None:
    page = client.get("/topics/<script>alert(1)<script>").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_an_engine_that_is_away_is_told_plainly(client: TestClient) -> None:
    answer = client.get("/lookup?scheme=gtin&value=299000009001")
    assert answer.status_code == 503
    assert "Traceback" not in answer.text
    assert client.get("/dead-letters").status_code == 503


def test_a_dashboard_with_names_answers_to_no_other(tmp_path: Path) -> None:
    hosts = {"localhost", "127.0.0.1", "[::1]"}
    app = dashboard_app(
        load_settings(data=tmp_path), NOWHERE, AccessRules(_admit, is_open=True, hosts=hosts)
    )
    with TestClient(app, base_url="http://evil.example") as client:
        assert client.get("/").status_code == 421
    for name in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        with TestClient(app, base_url=f"http://{name}") as client:
            assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("headers", "secure"),
    [
        (FROM_US, False),
        (FROM_US | {"x-forwarded-proto": "https"}, True),
        (FROM_US | {"x-forwarded-proto": "https, http"}, True),
        (FROM_US | {"x-forwarded-proto": "http"}, False),
        (FROM_US | {"forwarded": 'for=192.0.2.7;proto="https", for=10.0.0.1'}, True),
        (FROM_US | {"origin": "https://testserver"}, True),
        (FROM_US | {"origin": "http://testserver"}, False),
    ],
)
def test_behind_a_proxy_that_speaks_tls_the_cookie_is_secure(
    closed: TestClient, headers: dict[str, str], secure: bool
) -> None:
    answer = closed.post("/sign-in", data={"key": OPERATOR}, headers=headers)
    assert answer.status_code == 303
    assert ("; secure" in answer.headers["set-cookie"].lower()) is secure


def test_who_signed_in_still_sees_an_open_dashboard_when_keys_can_not_be_judged(
    tmp_path: Path,
) -> None:
    async def away(*_: str) -> bool:
        raise Unavailable("API keys can't be judged now")

    for is_open, status in ((True, 200), (False, 503)):
        app = dashboard_app(load_settings(data=tmp_path), NOWHERE, AccessRules(away, is_open))
        with TestClient(app) as client:
            client.cookies.set(COOKIE, OPERATOR)
            page = client.get("/generations")
            assert page.status_code == status
            assert "/generations/rebuild" not in page.text


def test_metrics_of_a_closed_dashboard_need_a_key(tmp_path: Path) -> None:
    app = dashboard_app(
        load_settings(data=tmp_path), NOWHERE, AccessRules(_admit, False, is_metrics_open=False)
    )
    with TestClient(app) as client:
        assert client.get("/metrics").status_code == 401
        wrong = {"Authorization": f"Bearer {READER[:-1]}x"}
        assert client.get("/metrics", headers=wrong).status_code == 401
        right = {"Authorization": f"Bearer {READER}"}
        assert client.get("/metrics", headers=right).status_code == 200
