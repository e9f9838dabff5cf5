"""The embedded MariaDB: closed to others, with its state after kill -9, gone when it should be."""

import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pymysql
import pytest

from adapters.composition.settings import load_settings
from adapters.embedded import mariadb
from adapters.embedded.maven import JarCache
from adapters.embedded.processes import EngineProcess, accepts_connections, choose_port
from adapters.embedded.state import own_data_folder

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def programs() -> Path:
    settings = load_settings()
    mirror = settings.embedded.maven_mirror
    cache = JarCache(settings.cache, None if mirror is None else str(mirror), lambda _: None)
    return cache.unpacked("mariadb")


@contextmanager
def running(data: Path, programs: Path) -> Iterator[tuple[EngineProcess, mariadb.HouseServer]]:
    with own_data_folder(data, fresh=False) as folder:
        port = choose_port(None, "mariadb", None, set())
        process, server = mariadb.start_mariadb(folder, programs, port)
        try:
            mariadb.await_mariadb(process, server, Event())
            yield process, server
        finally:
            process.ask_to_stop()
            process.await_stop(30)


def test_it_keeps_what_was_committed_and_lets_nobody_else_in(
    tmp_path: Path, programs: Path
) -> None:
    tmp_path.chmod(0o711)
    data = tmp_path / "data"
    with running(data, programs) as (process, server):
        with mariadb.connect(server) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept (id BIGINT PRIMARY KEY)")
            cursor.execute("INSERT INTO kept VALUES (7)")
            cursor.execute("SELECT @@log_bin, @@binlog_format, @@binlog_row_image")
            assert cursor.fetchone() == (1, "ROW", "FULL")
        for user, password in (("root", ""), (mariadb.USER, "guess"), ("", "")):
            with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
                pymysql.connect(host="127.0.0.1", port=server.port, user=user, password=password)
        assert stat.S_IMODE((data / "mariadb").stat().st_mode) == 0o700
        if os.geteuid() == 0:
            assert (data / "mariadb" / "files").stat().st_uid != 0
        os.kill(_server_of(process), signal.SIGKILL)
        process.supervisor.wait(30)
    with running(data, programs) as (_, server):
        with mariadb.connect(server) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id FROM kept")
            assert cursor.fetchall() == ((7,),)
        port = server.port
    assert not accepts_connections(port)


def _server_of(process: EngineProcess) -> int:
    """The process that the supervisor supervises."""
    children = Path(f"/proc/{process.supervisor.pid}/task/{process.supervisor.pid}/children")
    return int(children.read_text().split()[0])
