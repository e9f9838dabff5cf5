"""How much of the brokers' disks each topic takes.

librdkafka has no request for it (DescribeLogDirs, KIP-113), so this alone is asked by another
client, kafka-python, with the same addresses and the same security.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from adapters.event_log.connection import KafkaFailed

TIMEOUT_MS = 10_000

_SAME = {
    "security.protocol": "security_protocol",
    "sasl.mechanism": "sasl_mechanism",
    "sasl.mechanisms": "sasl_mechanism",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
    "ssl.ca.location": "ssl_cafile",
    "ssl.certificate.location": "ssl_certfile",
    "ssl.key.location": "ssl_keyfile",
    "ssl.key.password": "ssl_password",
    "ssl.crl.location": "ssl_crlfile",
}
_CHECK_NAME = "ssl.endpoint.identification.algorithm"


def topic_bytes(kafka: Mapping[str, str], names: Collection[str]) -> dict[str, int]:
    """Bytes that topics take on all brokers together, every replica counted, indexes not.

    A topic that no broker knows is left out. Raises KafkaFailed, also where the brokers don't let
    us ask (it needs `Describe` on the cluster) or an option of theirs has no counterpart.
    """
    settings = _configuration(kafka)
    try:
        with _Admin(**settings) as admin:
            brokers = admin.describe_log_dirs()
    except (KafkaError, OSError, ValueError) as error:
        raise KafkaFailed(f"Kafka: sizes of topics: {error or type(error).__name__}") from error
    directories = [directory for broker in brokers for directory in broker["log_dirs"]]
    if refused := {one["error_code"] for one in directories if one["error_code"]}:
        raise KafkaFailed(f"Kafka: sizes of topics: refused (error {min(refused)})")
    if not directories:  # what brokers answer to who may not ask
        raise KafkaFailed("Kafka: sizes of topics: it needs the ACL `Describe` on the cluster")
    found: Counter[str] = Counter()
    for topic in (topic for directory in directories for topic in directory["topics"]):
        if topic["name"] in names:
            found[topic["name"]] += sum(one["partition_size"] for one in topic["partitions"])
    return dict(found)


class _Admin(KafkaAdminClient):  # type: ignore[misc]  # it has no types
    """Lets go of its thread and its sockets also where it can't connect."""

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except BaseException:
            if hasattr(self, "_net"):
                self._closed = False
                self.close()
            raise


def _configuration(kafka: Mapping[str, str]) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "bootstrap_servers": kafka["bootstrap.servers"].split(","),
        "client_id": "catalog-sizes",
        "request_timeout_ms": TIMEOUT_MS,
        "bootstrap_timeout_ms": TIMEOUT_MS,
    }
    for option, value in kafka.items():
        if option in _SAME:
            settings[_SAME[option]] = value
        elif option == _CHECK_NAME:
            settings["ssl_check_hostname"] = value.lower() != "none"
        elif option.startswith(("ssl.", "sasl.", "enable.ssl.")):
            raise KafkaFailed(f"sizes of topics can't be asked for with the option {option}")
    if "security_protocol" in settings:
        settings["security_protocol"] = settings["security_protocol"].upper()
    return settings
