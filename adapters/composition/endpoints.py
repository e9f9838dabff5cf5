"""Where the engines are: what is set wins, the rest is taken from the running `catalog up`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from adapters.composition.settings import Settings
from adapters.embedded.state import Running, read_running
from adapters.event_log.options import LARGEST_MESSAGE
from adapters.event_log.registry_endpoint import RegistryEndpoint
from domain.events import set_topic_prefix
from domain.failures import Misconfigured

ENGINES = {
    "kafka": "CATALOG_KAFKA__BOOTSTRAP",
    "registry": "CATALOG_REGISTRY__URL",
    "connect": "CATALOG_CONNECT__URL",
    "master": "CATALOG_MASTER__URL",
    "read": "CATALOG_READ__URL",
}
"""What the service needs, and the setting that names each."""

_SECURITY = ("security.", "sasl.", "ssl.", "enable.ssl.", "enable.sasl.")

TIMEOUTS = {
    "connect_timeout": "5",
    "tcp_user_timeout": "30000",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
}
"""Of every connection to a database, in libpq's words: seconds until one that isn't made has
failed (an address each), milliseconds that what was sent may stay unacknowledged, and how soon a
server that is silently gone is noticed (25 s). What an address names itself wins."""


@dataclass(frozen=True, repr=False)
class Endpoints:
    """Addresses of all engines, ready for their clients.

    `kafka` is a librdkafka configuration, `master_dsn` and `read_dsn` are postgresql:// URLs.
    Its repr shows no secret.
    """

    kafka: dict[str, str]
    registry: RegistryEndpoint
    connect_url: str
    master_dsn: str
    read_dsn: str
    read_is_pooled: bool = False
    """Whether `read_dsn` leads to a pooler in transaction mode (readers only)."""

    def __repr__(self) -> str:
        brokers = self.kafka.get("bootstrap.servers")
        return f"Endpoints(kafka={brokers!r}, registry={self.registry.url!r}, …)"


def resolve_endpoints(settings: Settings, need: Collection[str] = ENGINES) -> Endpoints:
    """Addresses from the settings, and for what isn't set those of the running `catalog up`.

    `need` names those of ENGINES that must be there, so that a host which only reads can do
    without the rest; addresses that nobody gives are then empty.
    Raises Misconfigured naming every needed address that neither gives.
    """
    given = given_addresses(settings)
    running = None if len(given) == len(ENGINES) else read_running(settings.data)
    found = {**(running.addresses if running else {}), **given}
    missing = [name for name in need if name not in found]
    if missing:
        raise Misconfigured(_missing(missing, running, settings))
    return endpoints(settings, dict.fromkeys(ENGINES, "") | found)


def read_address(settings: Settings) -> str:
    """The read database alone, for what needs nothing else. Raises Misconfigured."""
    return resolve_endpoints(settings, ("read",)).read_dsn


def given_addresses(settings: Settings) -> dict[str, str]:
    """The addresses that the settings name, by engine (the keys of ENGINES)."""
    master, read = settings.master.url, settings.read.url
    addresses = {
        "kafka": settings.kafka.bootstrap,
        "registry": settings.registry.url,
        "connect": settings.connect.url,
        "master": master.get_secret_value() if master else None,
        "read": read.get_secret_value() if read else None,
    }
    return {name: address for name, address in addresses.items() if address is not None}


def endpoints(settings: Settings, addresses: dict[str, str]) -> Endpoints:
    """The addresses of all engines together with the options that the settings add."""
    set_topic_prefix(settings.kafka.prefix)  # a spawned process gets settings, and reads none
    options = kafka_options(settings)
    if settings.kafka.bootstrap is None and addresses["kafka"]:
        _refuse_security(options)
    password = settings.registry.password
    return Endpoints(
        kafka={"bootstrap.servers": addresses["kafka"], **options},
        registry=RegistryEndpoint(
            addresses["registry"],
            settings.registry.user,
            password.get_secret_value() if password else None,
        ),
        connect_url=addresses["connect"],
        master_dsn=in_schema(with_timeouts(addresses["master"]), settings.master.schema_name),
        read_dsn=with_timeouts(addresses["read"]),
        read_is_pooled=settings.read.pooler,
    )


def kafka_options(settings: Settings) -> dict[str, str]:
    """What every Kafka client of ours is told beside the brokers, in librdkafka's words."""
    options = {name: value.get_secret_value() for name, value in settings.kafka.options.items()}
    return {LARGEST_MESSAGE: str(settings.kafka.message_max_bytes), **options}


def _refuse_security(options: Collection[str]) -> None:
    """The embedded broker wants no password: options about one speak of other brokers."""
    if foreign := sorted(name for name in options if name.startswith(_SECURITY)):
        raise Misconfigured(
            f"kafka.options {', '.join(foreign)}: the embedded broker has no such security; set"
            f" {ENGINES['kafka']} to the brokers that are meant, or leave the options out"
        )


def in_schema(url: str, schema: str) -> str:
    """A database's address whose sessions mean the tables of this schema."""
    if not url or schema == "public":
        return url
    parts = urlsplit(url)
    given = parse_qsl(parts.query, keep_blank_values=True)
    options = [value for name, value in given if name == "options"]
    path = " ".join([*options, f"-csearch_path={schema}"])
    others = [(name, value) for name, value in given if name != "options"]
    query = urlencode([*others, ("options", path)], quote_via=quote)
    return urlunsplit(parts._replace(query=query))


def with_timeouts(url: str) -> str:
    """A database's address with TIMEOUTS, as far as it doesn't name its own."""
    if not url:
        return url
    parts = urlsplit(url)
    given = [one for one in parts.query.split("&") if one]
    named = {one.partition("=")[0] for one in given}
    added = [f"{name}={value}" for name, value in TIMEOUTS.items() if name not in named]
    return urlunsplit(parts._replace(query="&".join([*given, *added])))


def _missing(names: list[str], running: Running | None, settings: Settings) -> str:
    variables = ", ".join(ENGINES[name] for name in names)
    if running is None:
        return (
            f"no `catalog up` runs on {settings.data}, and {variables} isn't set: start"
            " `catalog up` (with the same CATALOG_DATA), or set the addresses of engines that exist"
        )
    return (
        f"the `catalog up` on {settings.data} (pid {running.pid}) was started with addresses of"
        f" its own for {', '.join(names)}: set {variables} here as well"
    )
