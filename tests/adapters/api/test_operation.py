"""Keys, a database that goes away, switches of generations, and whatever schemathesis finds."""

import threading
from collections.abc import Sized
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest
import schemathesis
from psycopg import sql
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from adapters.api import admission
from adapters.api.server import LOOPBACK_NAMES, Serving, application
from adapters.read_database import api_keys
from adapters.read_database.generations import PostgresGenerations
from adapters.read_database.querying import SETTINGS
from migrations import run
from projections.catalog import CATALOG
from projections.ports.generations import Purpose
from tests.adapters.api.serving import prepare, serving
from tests.beside import beside, join
from tests.catalog_rows import number, write
from tests.waiting import until

pytestmark = pytest.mark.integration


def test_a_key_is_needed_may_be_revoked_and_may_not_ask_too_often(
    read_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "REMEMBER_SECONDS", 0.0)
    with (
        psycopg.connect(read_dsn, autocommit=True) as connection,
        serving(application(Serving(read_dsn, is_open=False))) as client,
    ):
        key = api_keys.create_key(connection, "partner", ["read"], rate=1000)
        operator = api_keys.create_key(connection, "operator", ["operate"], rate=1000)
        slow = api_keys.create_key(connection, "slow", ["read"], rate=1)

        def status(given: str | None) -> int:
            headers = {} if given is None else {"Authorization": f"Bearer {given}"}
            return client.get("/v1/releases/R", headers=headers).status_code

        assert [status(None), status("nonsense"), status(f"{key[:-1]}_")] == [401, 401, 401]
        assert (status(key), status(operator)) == (200, 403)
        assert [status(slow) for _ in range(4)].count(429) >= 1
        (stored,) = connection.execute(
            "SELECT string_agg(k::text, ' ') FROM engine.api_key k"
        ).fetchone() or ("",)
        assert key.rpartition("_")[2] not in stored
        assert api_keys.revoke_key(connection, key.split("_")[1])
        assert not api_keys.revoke_key(connection, key.split("_")[1])
        until(lambda: status(key) == 401)
        assert [k.name for k in api_keys.list_keys(connection)] == ["partner", "operator", "slow"]
        assert client.get("/health/live").status_code == 200


def test_an_open_server_goes_by_its_own_names_only(read_dsn: str) -> None:
    app = application(Serving(read_dsn, is_open=True, hosts=LOOPBACK_NAMES))
    with serving(app) as client:
        assert client.get("/v1/releases/R").status_code == 200
        for name in ("evil.example", "evil.example:80", "127.0.0.1.evil.example"):
            assert client.get("/v1/releases/R", headers={"Host": name}).status_code == 421


def test_a_database_that_is_away_is_told_and_used_again_by_itself(database: str) -> None:
    prepare(database)
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    elsewhere = psycopg.conninfo.make_conninfo(database, dbname="postgres")
    with (
        psycopg.connect(elsewhere, autocommit=True) as admin,
        serving(application(Serving(database, is_open=True))) as client,
    ):
        path = "/v1/lookup/isrc/USSKG1912345"
        assert client.get(path).status_code == 200

        def allow(allowed: bool) -> None:
            admin.execute(
                sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(
                    sql.Identifier(str(name)), sql.Literal(allowed)
                )
            )

        allow(False)
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                      (name,))  # fmt: skip
        for asked in (path, path, "/v1/releases/R", "/health/ready"):
            answer = client.get(asked)
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            assert answer.json()["type"] == "/problems/database-away"
            assert "Traceback" not in answer.text
            assert str(name) not in answer.text
        allow(True)
        assert client.get(path).status_code == 200


def test_what_is_wrong_in_here_is_not_shown_outside(
    read_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = application(Serving(read_dsn, is_open=True))

    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(app, "_find", fail)
    with serving(app) as client:
        answer = client.get("/v1/releases/R")
    assert (answer.status_code, answer.json()) == (
        500,
        {
            "type": "/problems/internal",
            "title": "Internal Server Error",
            "status": 500,
            "detail": "the fault is on this side; its log says what it is",
        },
    )


def test_no_catalog_yet(database: str) -> None:
    with serving(application(Serving(database, is_open=True))) as client:
        answer = client.get("/v1/lookup/isrc/USSKG1912345")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/no-catalog")


def test_a_statement_that_takes_too_long_is_ended(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(database)
    with (
        psycopg.connect(database) as blocking,
        serving(application(Serving(database, is_open=True))) as client,
    ):
        monkeypatch.setitem(SETTINGS, "statement_timeout", "100ms")
        blocking.execute("LOCK TABLE catalog.release IN ACCESS EXCLUSIVE MODE")
        answer = client.get("/v1/releases/R")
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/too-slow")


def test_no_answer_mixes_generations(database: str) -> None:
    run.upgrade(database, "engine", "engine")
    generations = PostgresGenerations(database, CATALOG)
    generations.create(Purpose.SERVE, {}, live=True)
    generations.create(Purpose.SERVE, {})
    isrc = "USSKG1912345"
    with psycopg.connect(database, autocommit=True) as connection:
        for schema, mark in (("catalog", "1"), ("catalog_g2", "2")):
            write(connection, "release", {"id": "R", "title": mark}, schema=schema)
            write(connection, "recording", {"id": "C", "title": mark}, schema=schema)
            track = {"id": "T", "release_id": "R", "recording_id": "C", "title": mark}
            write(connection, "track", track, schema=schema)
            isrcs = number("i", "isrc", isrc, "recording", "C")
            write(connection, "identifier", isrcs, schema=schema)
    seen: list[tuple[str, ...]] = []
    stop = threading.Event()
    with serving(application(Serving(database, is_open=True))) as client:

        def ask() -> None:
            while not stop.is_set():
                answer = client.get(f"/v1/lookup/isrc/{isrc}")
                if answer.status_code != 200:
                    seen.append((answer.text,))
                    continue
                (match,) = answer.json()["matches"]
                titles = (match[kind]["title"] for kind in ("track", "recording", "release"))
                seen.append((answer.headers["catalog-generation"], *titles))

        threads = [beside(ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for turn in range(20):
                before = len(seen)
                successor = generations.all()[1 - turn % 2]
                with generations.hold_live() as held:
                    held.switch(successor)
                until(partial(_has_more_than, seen, before + 10))
        finally:
            stop.set()
            join(*threads)
    assert set(seen) == {("1",) * 4, ("2",) * 4}


def _has_more_than(seen: Sized, count: int) -> bool:
    return len(seen) > count


def test_schemathesis_finds_nothing(read_dsn: str) -> None:
    with (
        psycopg.connect(read_dsn, autocommit=True) as connection,
        serving(application(Serving(read_dsn, is_open=False))) as client,
    ):
        key = api_keys.create_key(connection, "schemathesis", ["read"], rate=1_000_000)
        headers = {"Authorization": f"Bearer {key}"}
        url = f"{client.base_url}/openapi.json"
        schema = schemathesis.openapi.from_url(url, headers=headers)
        checks: list[Any] = [
            not_a_server_error, status_code_conformance, content_type_conformance,
            response_schema_conformance, ignored_auth, unsupported_method,
        ]  # fmt: skip
        tried = 0
        for operation in schema.get_all_operations():
            assert isinstance(operation, Ok), operation
            tried += _try(operation.ok(), headers, checks)
        assert tried > 100
        assert httpx.get(f"{client.base_url}/health/ready").status_code == 200


def _try(operation: Any, headers: dict[str, str], checks: list[Any]) -> int:
    """Call one operation with what fits its description and with what doesn't."""
    from hypothesis import HealthCheck, Phase, given, settings

    count = 0
    modes = schemathesis.GenerationMode
    for mode in (modes.POSITIVE, modes.NEGATIVE):

        @settings(
            max_examples=10, database=None, derandomize=True,
            phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def call(case: Any) -> None:
            nonlocal count
            count += 1
            case.call_and_validate(headers=headers, checks=checks)

        call()
    return count
