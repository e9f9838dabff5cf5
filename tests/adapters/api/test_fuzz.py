"""Odd requests on PostgreSQL itself: answered or refused, never a fault of ours or "away"."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.api.application import Api
from adapters.api.cursors import write_cursor
from adapters.api.server import Serving, application
from tests.adapters.api.asgi import Reply, ask

pytestmark = pytest.mark.integration

Ask = Callable[[str], Reply]
FINE = {200, 400, 404}

NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).filter(lambda n: -(2**63) <= n < 2**64),
    st.sampled_from([-1, 0, 2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63), 2**64 - 1]),
)
TEXTS = st.one_of(st.text(max_size=60), st.sampled_from(["\0", "a\0b", "9" * 30, "null", "1e2"]))
INSTANTS = st.builds(
    "{:04}-{:02}-{:02}T12:00:00{}{:02}:{:02}".format,
    st.sampled_from([1, 1582, 1900, 2026, 9999]),
    st.integers(1, 12),
    st.integers(1, 28),
    st.sampled_from("+-"),
    st.integers(0, 23),
    st.integers(0, 59),
)
UNHURRIED = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def asking(read_dsn: str) -> Iterator[Ask]:
    """Asks the API over the small catalog, in one loop."""
    app: Api = application(Serving(read_dsn, is_open=True))
    with asyncio.Runner() as runner:
        yield lambda target: runner.run(ask(app, target))
        runner.run(app.close())


@UNHURRIED
@given(position=st.dictionaries(NUMBERS, NUMBERS, max_size=4))
def test_made_up_cursors_of_changes(asking: Ask, position: dict[int, int]) -> None:
    cursor = write_cursor(position, ("changes", None, None, None))
    assert asking(f"/v1/releases?limit=2&cursor={cursor}").status in {*FINE, 410}


@UNHURRIED
@given(
    position=st.one_of(
        TEXTS,
        NUMBERS,
        st.none(),
        st.lists(NUMBERS, max_size=3),
        st.tuples(st.datetimes(timezones=st.just(UTC)), TEXTS),
    )
)
def test_made_up_cursors_of_other_pages(asking: Ask, position: object) -> None:
    for path, binding in (
        ("/v1/labels/B/releases", ("label", "B")),
        ("/v1/identifiers/conflicts", ("conflicts", "isrc")),
        ("/v1/releases/R/offers", ("offers of release", "R", None, None, None)),
    ):
        cursor = write_cursor(position, binding)
        assert asking(f"{path}?limit=2&cursor={cursor}").status in FINE


@UNHURRIED
@given(id_=TEXTS, at=INSTANTS)
def test_ids_numbers_and_instants(asking: Ask, id_: str, at: str) -> None:
    name, when = quote(id_.encode("utf-8", "surrogatepass"), safe=""), quote(at)
    for path in (
        f"/v1/lookup/isrc/{name}?at={when}",
        f"/v1/lookup/proprietary/{name}?namespace={name}",
        f"/v1/releases/{name}?at={when}",
        f"/v1/explain/track/{name}",
        f"/v1/releases?updated_since={when}",
        f"/v1/releases?label={name}&type={name}",
        f"/v1/search?title={name}&at={when}",
    ):
        assert asking(path).status in FINE, path
