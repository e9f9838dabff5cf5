"""Readers through PgBouncer in transaction mode: right answers, and nothing left in sessions."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.api.server import Serving, application, listen
from adapters.read_database.querying import SETTINGS, ReadAccess, ReadDatabaseAway, open_queries
from projections.catalog.queries.lookup import asked, look_up
from tests.adapters.api.serving import prepare, serving
from tests.beside import beside, join, killed
from tests.catalog_rows import number, write

PGBOUNCER = shutil.which("pgbouncer")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer isn't installed: `make tools`"),
]
NUMBERS = [f"USSKG{n:07}" for n in range(60)]


@pytest.fixture
def pooled(database: str) -> Iterator[str]:
    """DSN of a filled catalog behind a pooler that has two sessions for all its clients."""
    prepare(database)
    with psycopg.connect(database) as connection:
        write(connection, "recording", *({"id": n, "title": n} for n in NUMBERS))
        write(connection, "identifier", *(number(n, "isrc", n, "recording", n) for n in NUMBERS))
        connection.execute("CREATE TABLE public.anyones (id int)")
    with TemporaryDirectory() as folder:
        port = _free_port()
        settings = Path(folder) / "pgbouncer.ini"
        settings.write_text(_settings(database, port), encoding="utf-8")
        Path(folder).chmod(0o755)
        settings.chmod(0o644)
        assert PGBOUNCER is not None
        # As root it refuses to run, and becomes who it is told to be.
        command = [PGBOUNCER, "-u", "nobody", str(settings)]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process,
            killed(process),
        ):
            assert process.stdout is not None
            said = process.stdout
            assert any(b"process up" in line for line in iter(said.readline, b""))
            drain = beside(said.read)
            drain.start()
            try:
                yield make_conninfo(host="127.0.0.1", port=port, dbname="pooled", user="anyone")
            finally:
                process.terminate()
                drain.join(20)


def _free_port() -> int:
    with closing(listen("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _settings(dsn: str, port: int) -> str:
    given = conninfo_to_dict(dsn)
    named = {k: given[k] for k in ("host", "port", "dbname", "user", "password") if given.get(k)}
    return f"""
[databases]
pooled = {" ".join(f"{name}={value}" for name, value in named.items())}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
"""


def test_a_reader_leaves_the_sessions_as_it_found_them(pooled: str) -> None:
    access = ReadAccess(pooled, is_pooled=True)
    with open_queries(access, "lookup", SETTINGS) as queries:
        for _ in range(8):  # psycopg prepares what it is asked for often
            (answer,) = look_up(queries.rows, [asked("isrc", NUMBERS[3])])
            assert [match["id"] for match in answer.matches()] == [NUMBERS[3]]
        for _ in range(4):
            with psycopg.connect(pooled) as other:  # in a session that the reader has used
                other.execute("INSERT INTO public.anyones VALUES (1)")
                shown = other.execute(
                    "SELECT current_setting('statement_timeout'),"
                    " current_setting('enable_seqscan'),"
                    " (SELECT count(*) FROM pg_prepared_statements)"
                ).fetchone()
                assert shown == ("0", "on", 0)


def test_every_request_of_the_api_is_answered(pooled: str) -> None:
    wrong: list[str] = []
    app = application(Serving(pooled, is_open=True, is_pooled=True))
    with serving(app) as client:

        def ask(part: list[str]) -> None:
            for n in part:
                answer = client.get(f"/v1/lookup/isrc/{n}")
                other = client.get(f"/v1/recordings/{n}")
                if (answer.status_code, other.status_code) != (200, 200):
                    wrong.append(answer.text + other.text)
                elif [m["id"] for m in answer.json()["matches"]] != [n]:
                    wrong.append(answer.text)

        threads = [beside(ask, (NUMBERS[i::6] * 2,)) for i in range(6)]
        for thread in threads:
            thread.start()
        join(*threads)
    assert wrong == []


def test_without_the_setting_it_is_refused_and_not_half_done(pooled: str) -> None:
    with (
        pytest.raises(ReadDatabaseAway, match="options"),
        open_queries(ReadAccess(pooled), "lookup", SETTINGS),
    ):
        pass
