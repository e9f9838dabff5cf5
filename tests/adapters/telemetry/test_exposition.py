"""A worker's metrics and health over HTTP."""

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from adapters.telemetry.exposition import HUNG_SECONDS, StopSignal, exposed
from domain.failures import Failure

ANY_PORT = ("127.0.0.1", 0)


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_without_a_port_nothing_is_served() -> None:
    with exposed("127.0.0.1", None, CollectorRegistry(), StopSignal()) as port:
        assert port is None


def test_metrics_are_served() -> None:
    registry = CollectorRegistry()
    Counter("catalog_things", "Things.", registry=registry).inc(3)
    with exposed(*ANY_PORT, registry, StopSignal()) as port:
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
    assert answer.status_code == 200
    assert "catalog_things_total 3.0" in answer.text


def test_a_worker_is_ready_once_it_works_and_dead_when_it_hangs() -> None:
    clock = _Clock()
    stop = StopSignal(clock)
    with exposed(*ANY_PORT, CollectorRegistry(), stop) as port:

        def health(kind: str) -> int:
            return httpx.get(f"http://127.0.0.1:{port}/health/{kind}").status_code

        assert (health("live"), health("ready")) == (200, 503), "not begun yet"
        assert not stop.is_set()
        assert (health("live"), health("ready")) == (200, 200)
        clock.now += HUNG_SECONDS
        assert (health("live"), health("ready")) == (503, 503), "hangs"
        stop.wait(0)
        assert (health("live"), health("ready")) == (200, 200)
        stop.set()
        assert (health("live"), health("ready")) == (200, 503), "stopping"
        assert httpx.get(f"http://127.0.0.1:{port}/else").status_code == 404


def test_a_port_that_is_taken_is_named() -> None:
    with (
        exposed(*ANY_PORT, CollectorRegistry(), StopSignal()) as port,
        pytest.raises(Failure, match=rf"{port}.*CATALOG_METRICS__PORT"),
        exposed("127.0.0.1", port, CollectorRegistry(), StopSignal()),
    ):
        pass
