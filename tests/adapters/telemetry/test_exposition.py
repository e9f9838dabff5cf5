"""A worker's metrics and health over HTTP."""

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from adapters.composition.settings import MetricsSettings
from adapters.telemetry.exposition import HUNG_SECONDS, Pulse, exposed
from domain.failures import Failure

ANY_PORT = MetricsSettings.model_construct(host="127.0.0.1", port=0)


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_without_a_port_nothing_is_served() -> None:
    with exposed(MetricsSettings(), CollectorRegistry(), Pulse()) as port:
        assert port is None


def test_metrics_are_served() -> None:
    registry = CollectorRegistry()
    Counter("catalog_things", "Things.", registry=registry).inc(3)
    with exposed(ANY_PORT, registry, Pulse()) as port:
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
    assert answer.status_code == 200
    assert "catalog_things_total 3.0" in answer.text


def test_a_worker_is_ready_once_it_works_and_dead_when_it_hangs() -> None:
    clock = _Clock()
    pulse = Pulse(clock)
    with exposed(ANY_PORT, CollectorRegistry(), pulse) as port:

        def health(kind: str) -> int:
            return httpx.get(f"http://127.0.0.1:{port}/health/{kind}").status_code

        assert (health("live"), health("ready")) == (200, 503), "not begun yet"
        assert not pulse.is_set()
        assert (health("live"), health("ready")) == (200, 200)
        clock.now += HUNG_SECONDS
        assert (health("live"), health("ready")) == (503, 503), "hangs"
        pulse.wait(0)
        assert (health("live"), health("ready")) == (200, 200)
        pulse.set()
        assert (health("live"), health("ready")) == (200, 503), "stopping"
        assert httpx.get(f"http://127.0.0.1:{port}/else").status_code == 404


def test_a_port_that_is_taken_is_named() -> None:
    with exposed(ANY_PORT, CollectorRegistry(), Pulse()) as port:
        taken = MetricsSettings.model_construct(host="127.0.0.1", port=port)
        with (
            pytest.raises(Failure, match=rf"{port}.*CATALOG_METRICS__PORT"),
            exposed(taken, CollectorRegistry(), Pulse()),
        ):
            pass
