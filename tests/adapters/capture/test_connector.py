"""The connectors' settings: what they say of secrets, and which addresses they refuse."""

import pytest

from adapters.capture.connector import (
    Capture,
    postgres_configuration,
    sql_server_configuration,
    without_secrets,
)
from domain.failures import WrongUsage

KAFKA = {
    "bootstrap.servers": "k:9092",
    "security.protocol": "SASL_SSL",
    "sasl.mechanisms": "SCRAM-SHA-512",
    "sasl.username": 'us"er',
    "sasl.password": "concealed",
    "ssl.ca.location": "/ca.pem",
}
CAPTURE = Capture(tables=["release", "track"], topic_prefix="m", partitions=8)


def postgres(dsn: str) -> dict[str, str]:
    return postgres_configuration(CAPTURE, dsn, KAFKA, slot="s", publication="p")


def test_an_address_becomes_settings() -> None:
    found = postgres("postgresql://us%40er:p%2Fw@db.example:6432/master?sslmode=require")
    assert found["database.hostname"] == "db.example"
    assert found["database.port"] == "6432"
    assert found["database.user"] == "us@er"
    assert found["database.password"] == "p/w"
    assert found["database.dbname"] == "master"
    assert found["database.sslmode"] == "require"
    assert found["table.include.list"] == "public.release,public.track"
    assert found["topic.creation.default.partitions"] == "8"


@pytest.mark.parametrize("dsn", ["postgresql:///master", "postgresql://host", "x"])
def test_an_address_that_leads_nowhere_is_refused(dsn: str) -> None:
    with pytest.raises(WrongUsage, match="must name a host and a database"):
        postgres(dsn)


def test_what_both_sources_share_is_the_same() -> None:
    """Their records must be read alike, and their topics keep everything."""
    one = postgres("postgresql://host/db")
    other = sql_server_configuration(
        CAPTURE,
        host="h",
        port=1433,
        user="u",
        password="secret",
        database="d",
        bootstrap_servers="k:9092",
    )
    for name in (
        "decimal.handling.mode",
        "time.precision.mode",
        "tombstones.on.delete",
        "skipped.operations",
        "topic.creation.default.retention.ms",
        "topic.creation.default.retention.bytes",
    ):
        assert one[name] == other[name]


def test_shown_settings_hold_no_secret() -> None:
    shown = without_secrets(postgres("postgresql://user:hidden@host/db"))
    assert "hidden" not in str(shown)
    assert "concealed" not in str(shown)
    assert shown["database.password"] == "${env:MASTER_PASSWORD}"
    of_a_file = without_secrets(postgres("postgresql://host/db"), "file:/run/secrets/capture")
    assert of_a_file["database.password"] == "${file:/run/secrets/capture:MASTER_PASSWORD}"
    assert shown["database.user"] == "user"


def test_the_connector_listens_for_signals_with_the_same_security() -> None:
    found = postgres("postgresql://host/db")
    assert found["signal.kafka.topic"] == "m.signal"
    assert found["signal.kafka.bootstrap.servers"] == "k:9092"
    assert found["signal.consumer.security.protocol"] == "SASL_SSL"
    assert found["signal.consumer.sasl.mechanism"] == "SCRAM-SHA-512"
    assert found["signal.consumer.ssl.truststore.type"] == "PEM"
    assert found["signal.consumer.sasl.jaas.config"] == (
        "org.apache.kafka.common.security.scram.ScramLoginModule required"
        ' username="us\\"er" password="concealed";'
    )
