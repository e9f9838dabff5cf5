"""One configuration of every client, and one way to tell what failed."""

import logging

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException
from structlog.testing import capture_logs

from adapters.composition.settings import load_settings
from adapters.event_log.connection import client_configuration, failed
from adapters.event_log.event_log import READING
from adapters.event_log.options import RESERVED
from adapters.event_log.producer import producer, transactional_producer
from domain.failures import Misconfigured, Unavailable

_BROKERS = {"bootstrap.servers": "127.0.0.1:1"}


@pytest.mark.parametrize("option", sorted(RESERVED))
def test_an_option_that_the_guarantees_rest_on_is_refused(option: str) -> None:
    with pytest.raises(Misconfigured, match=option) as refused:
        client_configuration({**_BROKERS, option: "x"}, "worker", **READING)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("option", sorted(RESERVED))
def test_it_is_refused_when_settings_are_loaded(
    option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"CATALOG_KAFKA__OPTIONS__{option.replace('.', '_').upper()}"
    monkeypatch.setenv(name, "x")
    with pytest.raises(Misconfigured, match=name):
        load_settings()


def test_writers_refuse_them_too() -> None:
    with pytest.raises(Misconfigured, match="partitioner"):
        producer({**_BROKERS, "partitioner": "random"})
    with pytest.raises(Misconfigured, match="transactional"):
        transactional_producer({**_BROKERS, "transactional.id": "mine"}, "ours")


def test_other_options_of_the_user_win() -> None:
    made = client_configuration({**_BROKERS, "linger.ms": "7"}, "producer", linger_ms=2)
    assert made["linger.ms"] == "7"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError._TRANSPORT, Unavailable),
        (KafkaError._TIMED_OUT, Unavailable),
        (KafkaError.NOT_ENOUGH_REPLICAS, Unavailable),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, Misconfigured),
        (KafkaError._AUTHENTICATION, Misconfigured),
    ],
)
def test_what_passes_is_told_apart_from_what_stays(code: int, kind: type[Exception]) -> None:
    error = failed("reading", KafkaException(KafkaError(code)))
    assert isinstance(error, kind)
    assert "reading" in str(error)


@pytest.mark.parametrize(
    ("why", "level"),
    [
        ("Broker: Coordinator load in progress: retrying", "info"),
        ("Cluster authorization failed", "warning"),
    ],
)
def test_a_broker_that_has_just_started_is_no_warning(why: str, level: str) -> None:
    told = client_configuration(_BROKERS, "producer")["logger"]
    line = f"GETPID [thrd:main]: Failed to acquire idempotence PID from broker b:9092/1: {why}"
    with capture_logs() as lines:
        told.handle(logging.makeLogRecord({"msg": line, "levelno": logging.WARNING}))
    assert [(one["log_level"], one["role"]) for one in lines] == [(level, "producer")]


def test_a_consumer_that_fetches_little_at_once_may_still_be_made() -> None:
    """Librdkafka refuses a limit for records above what is fetched; larger ones come alone."""
    kafka = {**_BROKERS, "message.max.bytes": "8388608"}
    assert client_configuration(kafka, "producer")["message.max.bytes"] == "8388608"
    found = client_configuration(kafka, "reader", group_id="g", fetch_max_bytes=2_000_000)
    assert found["message.max.bytes"] == "2000000"
    Consumer(found).close()
