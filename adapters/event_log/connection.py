"""How every client of ours talks to Kafka: one configuration, one way to tell its failures, and
its log lines in our log."""

import logging
import socket
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import structlog
from confluent_kafka import KafkaError, KafkaException

from adapters.event_log.options import LARGEST_MESSAGE, refuse_reserved
from domain.failures import Failure, Misconfigured, Unavailable

log = structlog.get_logger("kafka")

Statistics = Callable[[str], None]
"""Gets librdkafka's statistics as JSON, inside a poll of the client that they speak of."""

REQUEST_SECONDS = 30.0
"""How long a request to the brokers may take before it counts as failed."""


class KafkaFailed(Failure):
    """A request to the brokers failed; the message says which."""


class KafkaUnavailable(KafkaFailed, Unavailable):
    """The brokers can't be reached, or ask to try again."""


class KafkaMisconfigured(KafkaFailed, Misconfigured):
    """The brokers refuse us: credentials, rights or versions are wrong, and stay so."""


_LASTING = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError._SSL,
        KafkaError._INVALID_ARG,
        KafkaError._UNSUPPORTED_FEATURE,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.INVALID_CONFIG,
        KafkaError.INVALID_TRANSACTION_TIMEOUT,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError.UNSUPPORTED_VERSION,
    }
)
"""What no waiting heals."""


def client_configuration(kafka: Mapping[str, str], role: str, **settings: Any) -> dict[str, Any]:
    """Return a librdkafka configuration: `kafka` (addresses and security), then `settings`.

    Settings are written with underscores: `linger_ms=5`. What the user set in `kafka` wins, so
    that an installation can tune its clients, but for `options.RESERVED`, which raise
    Misconfigured. `role` names the client in the brokers' logs and in ours.
    """
    refuse_reserved(kafka)
    dotted = {
        name if name.endswith("_cb") else name.replace("_", "."): value
        for name, value in settings.items()
    }
    told = {
        "client.id": f"catalog-{role}",
        "logger": _Log(role),
        "error_cb": partial(_note_error, role),
        **dotted,
        **kafka,
    }
    if (fetched := told.get("fetch.max.bytes")) is not None and LARGEST_MESSAGE in told:
        # A consumer gets a larger record all the same, alone (KIP-74): the limit is a producer's,
        # and librdkafka takes none that is above what is fetched at once
        told[LARGEST_MESSAGE] = str(min(int(told[LARGEST_MESSAGE]), int(fetched)))
    return told


def require_reachable(kafka: Mapping[str, str], seconds: float = 4.0) -> None:
    """Raise KafkaUnavailable within some `seconds` where no broker takes a connection.

    librdkafka itself goes on trying, which suits who waits for brokers, but no user at a terminal.
    """
    brokers = kafka.get("bootstrap.servers", "")
    deadline, reason = monotonic() + seconds, "no broker is named"
    for broker in filter(None, map(str.strip, brokers.split(","))):
        address = urlsplit(broker if "://" in broker else f"kafka://{broker}")
        try:
            left = max(0.1, deadline - monotonic())
            socket.create_connection((address.hostname, address.port or 9092), left).close()
        except (OSError, ValueError) as error:
            reason = str(error)
        else:
            return
    raise KafkaUnavailable(
        f"Kafka can't be reached at {brokers} (CATALOG_KAFKA__BOOTSTRAP): {reason}"
    )


def reporting(statistics: Statistics | None, milliseconds: int = 5000) -> dict[str, Any]:
    """Settings that make a client report; only for one that is polled, or its reports pile up."""
    if statistics is None:
        return {}
    return {"stats_cb": statistics, "statistics_interval_ms": milliseconds}


def failed(doing: str, error: KafkaException | KafkaError) -> KafkaFailed:
    """Say what was being done when the client failed, as the kind of failure that it is."""
    reason = error.args[0] if isinstance(error, KafkaException) else error
    if not isinstance(reason, KafkaError):
        return KafkaUnavailable(f"Kafka: {doing}: {reason}")
    kind = KafkaMisconfigured if is_lasting(reason) else KafkaUnavailable
    return kind(f"Kafka: {doing}: {reason.str()}")


def is_lasting(error: KafkaError) -> bool:
    """Whether no waiting heals it."""
    return error.code() in _LASTING


def _note_error(role: str, error: KafkaError) -> None:
    """Log a condition of the connection; the client goes on trying by itself."""
    level = logging.ERROR if error.fatal() else logging.WARNING
    log.log(level, "kafka client", role=role, code=error.name(), error=error.str())


class _Log(logging.Logger):
    """Receives librdkafka's own lines (syslog levels arrive as those of `logging`)."""

    def __init__(self, role: str) -> None:
        super().__init__(f"kafka.{role}")
        self._role = role

    def handle(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        level = logging.INFO if _passes(line) else record.levelno
        log.log(level, "librdkafka", role=self._role, line=line)


def _passes(line: str) -> bool:
    """Whether a line speaks of what brokers do for seconds after their start, and librdkafka waits
    for: nothing that a user could heal.
    """
    return line.startswith("GETPID") and line.endswith("Coordinator load in progress: retrying")
