"""What is answered to whom, and what isn't: without a server and without a database."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.api.problems import PHRASES
from adapters.read_database.querying import ReadDatabaseAway
from tests.adapters.api.asgi import Database, Rows, api, ask_once

PROBLEM = "application/problem+json"


async def _page(scope: Any, receive: Any, send: Any) -> None:
    """Stands for the dashboard."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a page"})


@pytest.mark.parametrize(
    "path",
    ["/v1", "/v1/", "/v1/nothing", "/v2/releases/R", "/v12", "/docs", "/docs/", "/redoc",
     "/openapi.yaml", "/problems/key"],
)  # fmt: skip
def test_where_an_api_is_looked_for_nothing_is_a_problem_and_no_page(path: str) -> None:
    answer = ask_once(api(Database(), fallback=_page), path)
    assert (answer.status, answer.headers["content-type"]) == (404, PROBLEM)
    assert answer.json()["title"] == "Not Found"


@pytest.mark.parametrize("path", ["/", "/topics", "/video", "/docsify"])
def test_other_paths_are_pages(path: str) -> None:
    assert ask_once(api(Database(), fallback=_page), path).body == b"a page"


def test_titles_are_the_phrases_of_http() -> None:
    app = api(Database())
    for answer in (
        ask_once(app, "/v1/releases?limit=x"),
        ask_once(app, "/nothing"),
        ask_once(api(Database(), is_open=False), "/v1/releases"),
    ):
        told = answer.json()
        assert told["title"] == PHRASES[answer.status]
        assert told["status"] == answer.status


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json"])
def test_where_reading_needs_a_key_so_do_metrics_and_the_document(path: str) -> None:
    assert ask_once(api(Database()), path).status == 200
    assert ask_once(api(Database(), is_open=False), path).status == 401
    assert ask_once(api(Database(), is_open=False, fallback=_page), path).status == 401


def test_metrics_may_be_open_where_reading_is_not() -> None:
    app = api(Database(), is_open=False, is_metrics_open=True)
    assert ask_once(app, "/metrics").status == 200
    assert ask_once(app, "/openapi.json").status == 401
    assert ask_once(app, "/health/live").status == 200


class Away(Database):
    """Notes what it is asked, and doesn't answer."""

    async def rows(self, statement: str, parameters: Mapping[str, Any]) -> Rows:
        """Raises ReadDatabaseAway."""
        await super().rows(statement, parameters)
        raise ReadDatabaseAway("as a test wants it")


ODD = st.one_of(
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=40),
    st.sampled_from([b"%00", b"%ff", b"9" * 30, b"-1", b"null", b"1e2", b"%ED%A0%80", b"%C2%80"]),
)
PATHS = st.sampled_from(
    [b"/v1/lookup/isrc/", b"/v1/lookup/", b"/v1/releases/", b"/v1/releases", b"/v1/search",
     b"/v1/explain/track/", b"/v1/identifiers/conflicts", b"/v1/artists/A/releases", b"/"]
)  # fmt: skip
NAMES = st.sampled_from(
    [b"at", b"limit", b"cursor", b"country", b"label", b"title", b"updated_since", b"scheme"]
)


@given(PATHS, ODD, st.lists(st.tuples(NAMES, ODD), max_size=3), ODD)
def test_whatever_is_asked_is_answered_or_refused(
    path: bytes, rest: bytes, query: list[tuple[bytes, bytes]], token: bytes
) -> None:
    """Bytes that a server lets through are never our fault, nor the database's.

    503 is what the database says here to all that it is asked: then the parameters passed."""
    database = Away()
    asked = path + rest.replace(b"?", b"") + b"?" + b"&".join(k + b"=" + v for k, v in query)
    headers = {"authorization": "Bearer " + token.decode("latin-1")} if token[:1] == b"9" else {}
    answer = ask_once(api(database), asked, headers)
    assert answer.status in ({503} if database.asked else {200, 400, 401, 404, 405, 414})
    if answer.status >= 400:
        assert answer.headers["content-type"] == PROBLEM
    for parameters in database.asked:
        assert all("\0" not in v for v in parameters.values() if isinstance(v, str))
