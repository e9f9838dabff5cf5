"""What can be set, a group per system outside: its names, its defaults, and what fits.

`adapters/composition/settings.py` gathers them and says where each comes from. See
docs/reference/settings.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic import field_validator as validates

from adapters.event_log.options import LARGEST_MESSAGE, refuse_reserved
from projections.translation.policy import AbsentColumn, Policy


def _full_path(path: Path) -> Path:
    return path.expanduser().absolute()


def _postgresql_url(secret: SecretStr) -> SecretStr:
    if urlsplit(secret.get_secret_value()).scheme not in ("postgresql", "postgres"):
        raise ValueError("must look like postgresql://user:password@host:5432/database")
    return secret


def _http_url(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise ValueError("must look like https://host:port/path")
    return url.rstrip("/")


Folder = Annotated[Path, AfterValidator(_full_path)]
PostgresUrl = Annotated[SecretStr, AfterValidator(_postgresql_url)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Port = Annotated[int, Field(ge=1, le=65535)]
HeapMb = Annotated[int, Field(ge=64)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class KafkaSettings(_Group):
    """The brokers, and how our topics and clients are made.

    `prefix`: of groups and event topics, where several chains share brokers.
    `replication_factor`: of new topics; None for three, or as many as there are brokers.
    `message_max_bytes`: what a record may have, told to whoever writes, keeps or reads one.
    """

    bootstrap: str | None = None
    options: dict[str, SecretStr] = {}
    prefix: str = Field(default="", pattern=r"^[a-zA-Z0-9._-]{0,40}$")
    partitions: int = Field(default=4, ge=1)
    replication_factor: int | None = Field(default=None, ge=1)
    message_max_bytes: int = Field(default=8 * 1024 * 1024, ge=1000, le=64 * 1024 * 1024)
    group_protocol: Literal["consumer", "classic"] = "consumer"

    @validates("options")
    @classmethod
    def _dotted(cls, options: dict[str, SecretStr]) -> dict[str, SecretStr]:
        """No librdkafka option has an underscore, and few shells allow a dot in a name."""
        dotted = {name.replace("_", "."): value for name, value in options.items()}
        refuse_reserved(dotted)
        if LARGEST_MESSAGE in dotted:
            raise ValueError(f"{LARGEST_MESSAGE}: set kafka.message_max_bytes instead")
        return dotted


class RegistrySettings(_Group):
    """The schema registry, as a Confluent-compatible address."""

    url: HttpUrl | None = None
    user: str | None = None
    password: SecretStr | None = None


class ConnectSettings(_Group):
    """Kafka Connect, and the names of what capture makes there and in the master database.

    `user`, `password`: the role that captures; without one the embedded master's own, or the user
    of `master.url`. `secrets`: the config provider by which a Connect that is given reads them.
    """

    url: HttpUrl | None = None
    user: str | None = None
    password: SecretStr | None = None
    secrets: str | None = Field(default=None, pattern=r"^[^:{}]+(:[^{}]+)?$")
    connector: str = "master"
    topic_prefix: str = "master"
    slot: str = "catalog_master"
    publication: str = "catalog_master"


class TranslateSettings(_Group):
    """How strict translation is, see `projections.translation.policy`."""

    absent_column: AbsentColumn = AbsentColumn.STOP
    exactly_once: bool = True

    def policy(self) -> Policy:
        """What is passed to the engine."""
        return Policy(self.absent_column, self.exactly_once)


class DatabaseSettings(_Group):
    """A PostgreSQL database."""

    url: PostgresUrl | None = None


class MasterSettings(DatabaseSettings):
    """The master database. `schema`: where its tables are."""

    schema_name: Annotated[str, Field(alias="schema", pattern=r"^[a-z_][a-z0-9_]*$")] = "public"


class ReadDatabaseSettings(DatabaseSettings):
    """The read database.

    `pooler`: readers reach it through a pooler in transaction mode (PgBouncer): a session lasts for
    one transaction, so they prepare nothing and set nothing for longer.
    """

    pooler: bool = False


class MetricsSettings(_Group):
    """Where a worker process serves its metrics and health; nowhere without a port.

    `open`: the /metrics of the API and the dashboard need no API key, whatever else does.
    """

    host: str = "127.0.0.1"
    port: Port | None = None
    open: bool = False


class TracingSettings(_Group):
    """Where spans go, by OTLP over HTTP, and of which share of the changes; off without one."""

    endpoint: HttpUrl | None = None
    ratio: float = Field(default=0.01, ge=0, le=1)


class InboxSettings(_Group):
    """Where senders put their batches, how those are completed, and how to reach the places.

    `where`: folders, `s3://bucket/prefix`, `sftp://user@host:port/folder`. `quiet`: seconds without
    a change after which a delivery without a manifest is complete; None: a manifest is waited for.
    `dpid`: our DDEX Party Id, as the sender of acknowledgements; None: whom the manifest names.
    `endpoint`, `region`, `access_key`, `secret` are of S3; `password`, `key_file`, `known_hosts`
    of SFTP.
    """

    where: list[str] = []
    quiet: float | None = Field(default=None, gt=0)
    interval: float = Field(default=10.0, gt=0)
    settle: float = Field(default=2.0, ge=0)
    after: Literal["move", "keep"] = "move"
    dpid: str | None = None
    endpoint: HttpUrl | None = None
    region: str | None = None
    access_key: str | None = None
    secret: SecretStr | None = None
    password: SecretStr | None = None
    key_file: Folder | None = None
    known_hosts: Folder | None = None


class SourceSettings(_Group):
    """The databases of foreign masters.

    `address`: of each, by the name of its source. Who captures may be another user than who asks
    (`capture`): the connector gets that address instead.
    """

    address: dict[str, SecretStr] = {}
    capture: dict[str, SecretStr] = {}


class EmbeddedSettings(_Group):
    """How the engines that aren't set are started; a port of None is any free one."""

    maven_mirror: HttpUrl | None = None
    kafka_port: Port | None = None
    postgres_port: Port | None = None
    connect_port: Port | None = None
    registry_port: Port | None = None
    mariadb_port: Port | None = None
    mariadb: bool = False
    connectors: list[Literal["mariadb", "mysql", "oracle"]] = []
    kafka_heap_mb: HeapMb = 256
    connect_heap_mb: HeapMb = 256
    registry_heap_mb: HeapMb = 192
    full_jit: bool = False
