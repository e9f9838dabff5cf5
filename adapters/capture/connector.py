"""Settings of the capture connectors: what we ask of Debezium, and why.

Not asked for, on purpose:
- `provide.transaction.metadata`: each record carries its transaction in `source` already
  (PostgreSQL `txId`, SQL Server `commit_lsn`); counting costs a struct a record and a topic.
- tombstones: the capture topics keep everything and are never compacted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from adapters.capture.signals import signal_settings
from domain.failures import WrongUsage

POSTGRES = "io.debezium.connector.postgresql.PostgresConnector"
SQL_SERVER = "io.debezium.connector.sqlserver.SqlServerConnector"

Configuration = dict[str, str]

_JSON = "org.apache.kafka.connect.json.JsonConverter"
_HEARTBEAT = "catalog_heartbeat"
_BUFFER = 32 * 1024 * 1024
"""What Kafka's producer takes by default."""


@dataclass(frozen=True, slots=True)
class Capture:
    """What both connectors need to know."""

    tables: Sequence[str]
    """Master tables without their schema."""
    topic_prefix: str = "master"
    """Topics are `<prefix>.<schema>.<table>`; SQL Server puts its database before the schema."""
    partitions: int = 4
    replication_factor: int = -1
    """-1: the broker's default."""
    message_bytes: int = 8 * 1024 * 1024
    """What a record may have; a change of a row holds it twice, as it was and as it is."""
    poll_interval_ms: int = 10
    """Latency of a quiet master; Debezium's default of 500 is felt by every reader."""


def postgres_configuration(
    capture: Capture,
    dsn: str,
    kafka: Mapping[str, str],
    *,
    slot: str,
    publication: str,
    schema: str = "public",
) -> Configuration:
    """Settings for a PostgreSQL master at `dsn` (postgresql://user:password@host:port/database).

    `kafka` is a librdkafka configuration: where the connector listens for signals.

    Raises WrongUsage when the address lacks its host or database.
    """
    address = urlsplit(dsn)
    database = address.path.removeprefix("/")
    if not address.hostname or not database:
        raise WrongUsage(
            "the master's address must name a host and a database: "
            "postgresql://user:password@host:5432/database"
        )
    sslmode = parse_qs(address.query).get("sslmode", [])
    return {
        "connector.class": POSTGRES,
        "database.hostname": address.hostname,
        "database.port": str(address.port or 5432),
        "database.user": unquote(address.username or "postgres"),
        "database.password": unquote(address.password or ""),
        "database.dbname": database,
        **({"database.sslmode": sslmode[0]} if sslmode else {}),
        "plugin.name": "pgoutput",
        "slot.name": slot,
        "publication.name": publication,
        "publication.autocreate.mode": "disabled",  # its owner made it, see `capture.grants`
        "table.include.list": ",".join(f"{schema}.{table}" for table in capture.tables),
        # A slot moves only with what it reads. When other databases of the server write and the
        # master rests, the heartbeat's own WAL message lets it move, so that no WAL piles up.
        "heartbeat.action.query": f"SELECT pg_logical_emit_message(true, '{_HEARTBEAT}', '')",
        "message.prefix.exclude.list": _HEARTBEAT,
        **signal_settings(capture.topic_prefix, kafka),
        **common_settings(capture),
    }


def sql_server_configuration(
    capture: Capture,
    *,
    host: str,
    port: int,
    user: str,
    password: str,
    database: str,
    bootstrap_servers: str,
    schema: str = "dbo",
) -> Configuration:
    """Settings for a SQL Server master, whose tables must be enabled for change data capture.

    `bootstrap_servers` is where the connector keeps the history of the tables' definitions.
    """
    prefix = capture.topic_prefix
    return {
        "connector.class": SQL_SERVER,
        "database.hostname": host,
        "database.port": str(port),
        "database.user": user,
        "database.password": password,
        "database.names": database,
        "table.include.list": ",".join(f"{schema}.{table}" for table in capture.tables),
        "include.schema.changes": "false",
        "schema.history.internal.kafka.bootstrap.servers": bootstrap_servers,
        "schema.history.internal.kafka.topic": f"{prefix}-schema-history",
        "schema.history.internal.store.only.captured.tables.ddl": "true",
        # Readers of the snapshot see one instant without holding up the master's writers
        # (ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON).
        "snapshot.isolation.mode": "snapshot",
        **common_settings(capture),
    }


def common_settings(capture: Capture) -> Configuration:
    """What every connector is told."""
    topic = "topic.creation"
    return {
        "tasks.max": "1",
        "topic.prefix": capture.topic_prefix,
        "snapshot.mode": "initial",
        # Values that can be told apart without a schema
        "key.converter": _JSON,
        "key.converter.schemas.enable": "false",
        "value.converter": _JSON,
        "value.converter.schemas.enable": "false",
        "decimal.handling.mode": "string",
        "time.precision.mode": "isostring",
        "tombstones.on.delete": "false",
        "extended.headers.enabled": "false",
        # A truncate makes rows vanish without a change of their own: it must be seen
        "skipped.operations": "none",
        "poll.interval.ms": str(capture.poll_interval_ms),
        "heartbeat.interval.ms": "10000",
        # Of what waits for the brokers: thousands of large rows would not fit into memory
        "max.queue.size.in.bytes": str(4 * capture.message_bytes),
        "producer.override.max.request.size": str(capture.message_bytes),
        "producer.override.buffer.memory": str(max(_BUFFER, 4 * capture.message_bytes)),
        f"{topic}.default.partitions": str(capture.partitions),
        f"{topic}.default.replication.factor": str(capture.replication_factor),
        f"{topic}.default.max.message.bytes": str(capture.message_bytes),
        f"{topic}.default.cleanup.policy": "delete",
        f"{topic}.default.retention.ms": "-1",
        f"{topic}.default.retention.bytes": "-1",
        # What says nothing of a row: heartbeats and the audit's markers
        f"{topic}.groups": "passing",
        f"{topic}.passing.include": rf"__debezium-heartbeat\..*,{capture.topic_prefix}\.message",
        f"{topic}.passing.partitions": "1",
        f"{topic}.passing.replication.factor": str(capture.replication_factor),
        f"{topic}.passing.retention.ms": "86400000",
    }


def without_secrets(
    configuration: Mapping[str, str], provider: str = "env", called: str = "MASTER"
) -> Configuration:
    """The settings as they may be shown: secrets are left to a config provider of Connect.

    `provider` is its name, and where it has several files the file: `env`, `file:/run/secrets/c`.
    It calls the database's password `<called>_PASSWORD`.
    """
    return {
        name: f"${{{provider}:{_SECRETS[name] or f'{called}_PASSWORD'}}}"
        if name in _SECRETS
        else value
        for name, value in configuration.items()
    }


_SECRETS: Mapping[str, str | None] = {
    "database.password": None,
    "signal.consumer.sasl.jaas.config": "KAFKA_JAAS_CONFIG",
    "schema.history.internal.producer.sasl.jaas.config": "KAFKA_JAAS_CONFIG",
    "schema.history.internal.consumer.sasl.jaas.config": "KAFKA_JAAS_CONFIG",
}
"""Setting → what the provider calls its value; None: the database's password."""
