"""A Kafka of your own, told to the embedded Connect in Java's terms."""

from pathlib import Path

import pytest

from adapters.embedded.connect import _worker_properties, java_client, keep_secrets
from adapters.embedded.java import write_properties
from domain.failures import Misconfigured


def test_a_plain_broker_needs_no_more_than_its_address() -> None:
    assert java_client({"bootstrap.servers": "a:1", "fetch.wait.max.ms": "5"}) == {
        "bootstrap.servers": "a:1"
    }


def test_sasl_and_tls_are_said_in_java(tmp_path: Path) -> None:
    for name in ("certificate", "key"):
        (tmp_path / name).write_text(f"-- {name} --\n")
    client = java_client(
        {
            "bootstrap.servers": "a:1",
            "security.protocol": "SASL_SSL",
            "sasl.mechanisms": "SCRAM-SHA-512",
            "sasl.username": "me",
            "sasl.password": 'a"b\\c',
            "ssl.ca.location": "/ca.pem",
            "ssl.certificate.location": str(tmp_path / "certificate"),
            "ssl.key.location": str(tmp_path / "key"),
        }
    )
    assert client == {
        "bootstrap.servers": "a:1",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required"
        ' username="me" password="a\\"b\\\\c";',
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": "/ca.pem",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": "-- certificate --\n",
        "ssl.keystore.key": "-- key --\n",
    }


def test_what_can_t_be_said_in_java_is_refused_rather_than_dropped() -> None:
    with pytest.raises(Misconfigured, match=r"sasl\.oauthbearer\.method.*CATALOG_CONNECT__URL"):
        java_client({"bootstrap.servers": "a:1", "sasl.oauthbearer.method": "oidc"})


def test_properties_keep_their_line_breaks_and_backslashes(tmp_path: Path) -> None:
    file = write_properties(tmp_path / "x.properties", {"a": "one\ntwo", "b": "c\\d", "n": 1})
    assert file.read_text() == "a=one\\ntwo\nb=c\\\\d\nn=1\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_secrets_are_left_to_a_file_of_this_users(tmp_path: Path) -> None:
    kept = keep_secrets(tmp_path, {"database.user": "me", "database.password": "a\\b"})
    file = tmp_path / "connect" / "secrets.properties"
    assert kept == {
        "database.user": "me",
        "database.password": f"${{file:{file}:database.password}}",
    }
    assert file.read_text() == "database.password=a\\\\b\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_producers_may_send_what_the_users_clients_may(tmp_path: Path) -> None:
    kafka = {"bootstrap.servers": "a:1", "message.max.bytes": "5000000"}
    assert _worker_properties(tmp_path, 1, kafka)["producer.max.request.size"] == "5000000"
    assert "producer.max.request.size" not in _worker_properties(
        tmp_path, 1, {"bootstrap.servers": "a:1"}
    )
