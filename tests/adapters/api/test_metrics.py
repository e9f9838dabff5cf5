"""What the API tells a scraper, from one process and from several."""

import json
import signal
import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.api.application import Api
from adapters.api.server import Serving, application
from tests.adapters.api.serving import serving
from tests.adapters.api.test_commands import command

ANSWERED = ("/v1/releases/{id}", "200")


def _requests(text: str) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["path"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "catalog_api_requests_total"
    }


def _nowhere() -> Api:
    return application(Serving("postgresql://127.0.0.1:1/none", is_open=True))


def test_paths_are_told_by_operation_and_never_as_they_came() -> None:
    with serving(_nowhere()) as client:
        client.get("/v1/releases/one")
        client.get("/v1/releases/two")
        client.get("/v1/nothing/of/ours")
        client.get("/favicon.ico")
        answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["cache-control"] == "no-store"
    assert _requests(answer.text) == {
        ("/v1/releases/{id}", "503"): 2,
        ("other", "404"): 2,
    }
    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"catalog_api_seconds", "process_resident_memory_bytes"} <= names


def test_only_reading_is_possible_there() -> None:
    with serving(_nowhere()) as client:
        assert client.post("/metrics").status_code == 405


@pytest.mark.integration
def test_several_processes_tell_of_all_requests_together(read_dsn: str) -> None:
    process = command(read_dsn, "serve", "--port", "0", "--workers", "2")
    try:
        assert process.stderr is not None
        address = json.loads(process.stderr.readline())["address"]
        for _ in range(20):  # a connection each, so that both processes get some
            assert httpx.get(f"{address}/v1/releases/R", timeout=30).status_code == 200
        deadline = time.monotonic() + 30
        while _requests(httpx.get(f"{address}/metrics", timeout=30).text).get(ANSWERED) != 20:
            assert time.monotonic() < deadline, "not all were counted"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
