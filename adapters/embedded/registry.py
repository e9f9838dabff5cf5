"""Apicurio Registry, used as a Confluent-compatible schema registry; kept in PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import httpx

from adapters.embedded.java import Sizing, java_command
from adapters.embedded.postgres import USER, Server
from adapters.embedded.processes import LOOPBACK, EngineProcess, start, wait_until
from adapters.embedded.state import DataFolder

START_SECONDS = 120.0
PATH = "/apis/ccompat/v7"


def start_registry(
    folder: DataFolder,
    application: Path,
    server: Server,
    *,
    port: int,
    management_port: int,
    sizing: Sizing,
) -> EngineProcess:
    """Start the registry on `port`, with its database on `server`."""
    home = folder.room("registry")
    return start(
        "Schema registry",
        java_command(
            sizing,
            arguments=["-jar", application / "quarkus-run.jar"],
        ),
        log=folder.path / "logs" / "registry.log",
        cwd=home,
        held=folder.lock,
        env={
            "APICURIO_STORAGE_KIND": "sql",
            "APICURIO_STORAGE_SQL_KIND": "postgresql",
            "APICURIO_DATASOURCE_URL": server.jdbc_url("registry"),
            "APICURIO_DATASOURCE_USERNAME": USER,
            "APICURIO_DATASOURCE_PASSWORD": server.password,
            "QUARKUS_HTTP_HOST": LOOPBACK,
            "QUARKUS_HTTP_PORT": str(port),
            "QUARKUS_MANAGEMENT_HOST": LOOPBACK,
            "QUARKUS_MANAGEMENT_PORT": str(management_port),
        },
    )


def await_registry(process: EngineProcess, url: str, cancelled: Event) -> None:
    """Wait until the registry answers for its subjects."""

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/subjects", timeout=2).is_success
        except httpx.HTTPError:
            return False

    wait_until(process, answers, seconds=START_SECONDS, cancelled=cancelled)
