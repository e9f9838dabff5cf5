"""Sizes of topics: as the brokers tell them, and honest words where they can't be had."""

import pytest

from adapters.composition.endpoints import Endpoints
from adapters.event_log.connection import KafkaFailed
from adapters.event_log.sizes import _configuration, topic_bytes
from tests.adapters.event_log.conftest import Write


def test_the_other_client_has_the_same_addresses_and_security() -> None:
    found = _configuration(
        {
            "bootstrap.servers": "one:9093,two:9093",
            "security.protocol": "sasl_ssl",
            "sasl.mechanisms": "SCRAM-SHA-512",
            "sasl.username": "catalog",
            "sasl.password": "p",
            "ssl.ca.location": "/ca.pem",
            "ssl.endpoint.identification.algorithm": "none",
            "linger.ms": "5",
        }
    )
    assert found["bootstrap_servers"] == ["one:9093", "two:9093"]
    assert found["security_protocol"] == "SASL_SSL"
    assert (found["sasl_mechanism"], found["sasl_plain_username"]) == ("SCRAM-SHA-512", "catalog")
    assert (found["sasl_plain_password"], found["ssl_cafile"]) == ("p", "/ca.pem")
    assert found["ssl_check_hostname"] is False
    assert "linger_ms" not in found


@pytest.mark.parametrize("option", ["sasl.oauthbearer.method", "ssl.ca.pem", "enable.ssl.x"])
def test_what_it_can_not_do_is_said(option: str) -> None:
    with pytest.raises(KafkaFailed, match=option):
        _configuration({"bootstrap.servers": "one:9093", option: "x"})


@pytest.mark.integration
def test_a_topic_takes_what_was_written(engines: Endpoints, topic: str, write: Write) -> None:
    write(["a"])
    before = topic_bytes(engines.kafka, {topic, "nowhere"})
    assert set(before) == {topic}
    write([f"key {number}" for number in range(100)])
    assert topic_bytes(engines.kafka, {topic})[topic] > before[topic] > 0
