"""Asks the running connector to take rows in again, beside the changes that it streams.

Debezium's incremental snapshot, asked for by a record on a Kafka topic, with watermarks taken from
the server's transaction ids (`read.only`): the master needs no table for it and nobody writes to
it. The rows come as reads (`op` r) between the live changes, and a row that changes meanwhile comes
as it is in the end. (Debezium, PostgreSQL connector, "Read-only incremental snapshots"; "Sending
signals to a Debezium connector", Kafka channel.)
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from uuid import uuid4

from confluent_kafka import Producer

from adapters.event_log.producer import write_durably

_IDS_PER_SIGNAL = 500
_POLL_MS = "1000"
"""How often the connector looks for signals; Debezium's default of 5 s is felt by who waits."""
_SECURITY = {
    "security.protocol": "security.protocol",
    "sasl.mechanism": "sasl.mechanism",
    "sasl.mechanisms": "sasl.mechanism",
    "ssl.endpoint.identification.algorithm": "ssl.endpoint.identification.algorithm",
    "ssl.ca.location": "ssl.truststore.location",
    "ssl.certificate.location": "ssl.keystore.location",
}
"""librdkafka's name of an option → the Java client's."""


def signal_topic(prefix: str) -> str:
    """Where the connector with this topic prefix listens."""
    return f"{prefix}.signal"


def signal_settings(prefix: str, kafka: Mapping[str, str]) -> dict[str, str]:
    """Connector settings that make it listen. `kafka` is a librdkafka configuration; its security
    goes over to the connector's own client."""
    return {
        "read.only": "true",
        "signal.enabled.channels": "kafka",
        "signal.poll.interval.ms": _POLL_MS,
        "signal.kafka.topic": signal_topic(prefix),
        "signal.kafka.groupId": f"{prefix}-signal",
        "signal.kafka.bootstrap.servers": kafka["bootstrap.servers"],
        **{f"signal.consumer.{name}": value for name, value in java_security(kafka).items()},
    }


def java_security(kafka: Mapping[str, str]) -> dict[str, str]:
    """Security options of librdkafka as Kafka's Java clients name them."""
    settings = {_SECURITY[name]: value for name, value in kafka.items() if name in _SECURITY}
    if "ssl.truststore.location" in settings:
        settings["ssl.truststore.type"] = "PEM"
    if "ssl.keystore.location" in settings:
        settings["ssl.keystore.type"] = "PEM"
    if "sasl.username" in kafka:
        mechanism = settings.get("sasl.mechanism", "PLAIN").upper()
        module = "scram.Scram" if mechanism.startswith("SCRAM") else "plain.Plain"
        settings["sasl.jaas.config"] = (
            f"org.apache.kafka.common.security.{module}LoginModule required"
            f" username={json.dumps(kafka['sasl.username'])}"
            f" password={json.dumps(kafka.get('sasl.password', ''))};"
        )
    return settings


class Signals:
    """Sends signals to one connector."""

    def __init__(self, producer: Producer, prefix: str) -> None:
        """`producer` is one without transactions; `prefix` the connector's topic prefix."""
        self._producer = producer
        self._prefix = prefix

    def recapture(self, table: str, ids: Sequence[str] | None = None) -> None:
        """Ask for a table (`schema.table`), or for the rows of it with these ids.

        Returns when the brokers have the signal; the rows come later, in the connector's time.
        Raises KafkaFailed.
        """
        write_durably(
            self._producer,
            (
                (signal_topic(self._prefix), self._prefix.encode(), json.dumps(signal).encode())
                for signal in _signals(table, ids)
            ),
        )


def _signals(table: str, ids: Sequence[str] | None) -> Iterator[dict[str, object]]:
    if ids is None:
        yield _signal(table)
        return
    for start in range(0, len(ids), _IDS_PER_SIGNAL):
        quoted = ("'" + id.replace("'", "''") + "'" for id in ids[start : start + _IDS_PER_SIGNAL])
        yield _signal(table, f"id IN ({', '.join(quoted)})")


def _signal(table: str, condition: str | None = None) -> dict[str, object]:
    data: dict[str, object] = {"type": "INCREMENTAL", "data-collections": [table]}
    if condition is not None:
        data["additional-conditions"] = [{"data-collection": table, "filter": condition}]
    return {"id": str(uuid4()), "type": "execute-snapshot", "data": data}
