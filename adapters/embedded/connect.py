"""Kafka Connect with Debezium's connectors: one distributed worker on the loopback address.

Distributed rather than standalone, because then connectors and their positions live in Kafka
beside the records they speak of: one state to keep, and none that a killed process can tear.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import httpx

from adapters.embedded.java import (
    Sizing,
    java_command,
    with_class_path,
    write_logging,
    write_properties,
)
from adapters.embedded.kafka import LARGEST_MESSAGE
from adapters.embedded.maven import JarCache
from adapters.embedded.processes import LOOPBACK, EngineProcess, start, wait_until
from adapters.embedded.state import DataFolder, closed_folder
from domain.failures import Misconfigured

START_SECONDS = 120.0
GROUP = "catalog-connect"
USER = "catalog"
PASSWORD = "connect-password"  # noqa: S105 - the name of its file in the data folder
_ROLES = ("", "producer.", "consumer.", "admin.")  # the worker's own clients, and its connectors'
_SAME_IN_JAVA = ("bootstrap.servers", "security.protocol", "ssl.key.password")
_SECRET = ("password", "sasl.jaas.config", "keystore.key")
_FILE_PROVIDER = "org.apache.kafka.common.config.provider.FileConfigProvider"
_BASIC_AUTH = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension"
_SECURITY = ("security.", "sasl.", "ssl.", "enable.ssl.", "enable.sasl.")


@dataclass(frozen=True)
class ConnectJars:
    """What the worker is made of.

    The classes of a plugin, by its folder's name, are loaded apart from those of the others
    (https://kafka.apache.org/documentation/#connectconfigs_plugin.path), so that two versions of
    Debezium can run side by side; the class path's are seen by all.
    """

    class_path: Sequence[Path]
    plugins: Mapping[str, Sequence[Path]]


def start_connect(
    folder: DataFolder,
    jars: ConnectJars,
    *,
    port: int,
    kafka: dict[str, str],
    sizing: Sizing,
    group: str = GROUP,
) -> EngineProcess:
    """Start the worker on `port`; `kafka` is the librdkafka configuration of the brokers.
    `group` names its cluster, and the topics in which that keeps its state. It answers only who
    knows the folder's password: whoever may give it a connector reads files with its rights.

    Raises Misconfigured when that has a security option that has no counterpart in Java.
    """
    home = folder.room("connect")
    properties = write_properties(
        home / "worker.properties",
        {
            **_worker_properties(home, port, kafka, group),
            "plugin.path": _linked(home / "plugins", jars.plugins),
        },
    )
    return start(
        "Kafka Connect",
        java_command(
            sizing,
            options=[*with_class_path(jars.class_path, write_logging(home)), _login(folder, home)],
            arguments=["org.apache.kafka.connect.cli.ConnectDistributed", properties],
        ),
        log=folder.path / "logs" / "connect.log",
        cwd=home,
        held=folder.lock,
    )


def connect_jars(cache: JarCache, connectors: Collection[str] = ()) -> ConnectJars:
    """What is locked, fetched where it is absent; `connectors` are those that are asked for."""
    debezium = cache.class_path("debezium")
    for name in sorted({"mysql", "oracle"} & set(connectors)):
        debezium += [jar for jar in cache.class_path(f"debezium-{name}") if jar not in debezium]
    plugins = {"debezium": debezium}
    if "mariadb" in connectors:
        plugins["debezium-mariadb"] = cache.class_path("debezium-mariadb")
    return ConnectJars(cache.class_path("connect"), plugins)


def _linked(folder: Path, plugins: Mapping[str, Sequence[Path]]) -> Path:
    shutil.rmtree(folder, ignore_errors=True)  # of a former start
    for name, jars in plugins.items():
        (folder / name).mkdir(parents=True)
        for jar in jars:
            (folder / name / jar.name).symlink_to(jar)
    return folder


def connect_url(folder: DataFolder, port: int) -> str:
    """Where the worker answers, with what it asks for: `http://USER:PASSWORD@127.0.0.1:PORT`."""
    return f"http://{USER}:{folder.remember_secret(PASSWORD)}@{LOOPBACK}:{port}"


def _login(folder: DataFolder, home: Path) -> str:
    """The option that lets in who knows the password (KIP-285, BasicAuthSecurityRestExtension)."""
    known = write_properties(home / "users.properties", {USER: folder.remember_secret(PASSWORD)})
    module = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule"
    jaas = home / "jaas.conf"
    jaas.write_text(f"KafkaConnect {{ {module} required file={_quoted(str(known))}; }};\n", "utf-8")
    return f"-Djava.security.auth.login.config={jaas}"


def await_connect(process: EngineProcess, url: str, cancelled: Event) -> None:
    """Wait until the worker has joined its group and answers for its connectors."""

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/connectors", timeout=2).is_success
        except httpx.HTTPError:
            return False

    wait_until(process, answers, seconds=START_SECONDS, cancelled=cancelled)


def keep_secrets(
    data: Path, configuration: Mapping[str, str], file_name: str = "secrets"
) -> dict[str, str]:
    """A connector's configuration without its secrets: they are left to a file that Connect reads.

    What Connect is told it tells everybody who asks, and keeps in a topic. The file lies in the
    data folder, for this user only; in the configuration stands where (KIP-297).
    """
    secrets = {name: value for name, value in configuration.items() if name.endswith(_SECRET)}
    file = write_properties(closed_folder(data / "connect") / f"{file_name}.properties", secrets)
    return {
        name: f"${{file:{file}:{name}}}" if name in secrets else value
        for name, value in configuration.items()
    }


def _worker_properties(
    home: Path, port: int, kafka: dict[str, str], group: str = GROUP
) -> dict[str, object]:
    client = java_client(kafka)
    largest = kafka.get(LARGEST_MESSAGE)
    converter = "org.apache.kafka.connect.json.JsonConverter"
    return {
        **{f"{role}{name}": v for role in _ROLES for name, v in client.items()},
        **({} if largest is None else {"producer.max.request.size": largest}),
        "config.providers": "file",
        "config.providers.file.class": _FILE_PROVIDER,
        "config.providers.file.param.allowed.paths": home,
        "rest.extension.classes": _BASIC_AUTH,
        "group.id": group,
        "listeners": f"HTTP://{LOOPBACK}:{port}",
        "rest.advertised.host.name": LOOPBACK,
        "rest.advertised.port": port,
        "plugin.discovery": "service_load",  # all say what they hold; nothing to scan
        "key.converter": converter,
        "value.converter": converter,
        "key.converter.schemas.enable": "false",
        "value.converter.schemas.enable": "false",
        "config.storage.topic": f"{group}-configs",
        "offset.storage.topic": f"{group}-offsets",
        "status.storage.topic": f"{group}-status",
        "config.storage.replication.factor": -1,
        "offset.storage.replication.factor": -1,
        "status.storage.replication.factor": -1,
        "offset.storage.partitions": 1,
        "status.storage.partitions": 1,
        "offset.flush.interval.ms": 1000,
        # One worker: nobody to wait for when it comes back, and a killed one is soon forgotten
        "scheduled.rebalance.max.delay.ms": 0,
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 500,
        "producer.enable.idempotence": "true",
        "producer.acks": "all",
        "connector.client.config.override.policy": "All",
    }


def java_client(kafka: Mapping[str, str]) -> dict[str, str]:
    """A librdkafka configuration in the terms of Kafka's Java clients, which name security apart.

    Options that aren't about reaching the brokers are left out. Raises Misconfigured for a
    security option that can't be said in Java.
    """
    rest = dict(kafka)
    client = {name: rest.pop(name) for name in _SAME_IN_JAVA if name in rest}
    mechanism = rest.pop("sasl.mechanisms", None) or rest.pop("sasl.mechanism", None)
    user, password = rest.pop("sasl.username", None), rest.pop("sasl.password", None)
    if mechanism is not None:
        client["sasl.mechanism"] = mechanism
    if user is not None and password is not None:
        module = "scram.Scram" if str(mechanism).startswith("SCRAM") else "plain.Plain"
        client["sasl.jaas.config"] = (
            f"org.apache.kafka.common.security.{module}LoginModule required"
            f" username={_quoted(user)} password={_quoted(password)};"
        )
    if (authority := rest.pop("ssl.ca.location", None)) is not None:
        client |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": authority}
    certificate = rest.pop("ssl.certificate.location", None)
    key = rest.pop("ssl.key.location", None)
    if certificate is not None and key is not None:
        client["ssl.keystore.type"] = "PEM"
        client["ssl.keystore.certificate.chain"] = _content(certificate)
        client["ssl.keystore.key"] = _content(key)
    if rest.pop("ssl.endpoint.identification.algorithm", None) == "none":
        client["ssl.endpoint.identification.algorithm"] = ""
    untold = sorted(name for name in rest if name.startswith(_SECURITY))
    if untold:
        raise Misconfigured(
            f"kafka.options {', '.join(untold)}: the embedded Kafka Connect can't be told these;"
            " run a Connect of your own and set CATALOG_CONNECT__URL"
        )
    return client


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _content(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise Misconfigured(f"kafka.options: {file} can't be read: {error}") from error
