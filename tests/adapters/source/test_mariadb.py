"""The tutorial's shop in a real MariaDB: captured by Debezium, replicated, mapped, looked up."""

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit

import psutil
import psycopg
import pymysql
import pytest
from pydantic import SecretStr
from pymysql.constants import CLIENT

from adapters.composition import foreign_databases, source_capture, sources
from adapters.composition.endpoints import Endpoints
from adapters.composition.engines import Supervised, supervised_engines
from adapters.composition.setting_groups import SourceSettings
from adapters.composition.settings import Settings, load_settings
from adapters.composition.wiring import event_log
from adapters.embedded.state import read_running
from adapters.read_database.gate import name_generation
from adapters.source import lifecycle
from adapters.source.folder import read_files, read_folder
from adapters.source.sample import DATABASE, FOLDER
from projections.ports.event_log import EventLog
from tests.adapters.ingestion.master import Master
from tests.availability.asking import Asker
from tests.databases import MASTER, READ_CATALOG, Databases
from tests.master_to_read import carry
from tests.waiting import until

pytestmark = pytest.mark.integration

SOURCE = read_folder(FOLDER)


@dataclass
class Shop:
    """The shop's database, and a master and a read catalog of its own."""

    settings: Settings
    endpoints: Endpoints
    address: str
    engines: Supervised
    databases: Databases

    @cached_property
    def log(self) -> EventLog:
        return event_log(self.settings, self.endpoints)

    def transact(self, *statements: str) -> None:
        with closing(_connect(self.address)) as opened, opened.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            opened.commit()

    def asked(self, question: str) -> object:
        with psycopg.connect(self.endpoints.master_dsn) as master:
            return master.execute(question.encode()).fetchone()

    def follow_until(self, question: str, answer: object) -> int:
        """Take in what comes until the master database answers so; returns how much came."""
        rows = 0
        with psycopg.connect(self.endpoints.master_dsn, autocommit=True) as master:
            columns = foreign_databases.columns_of(self.settings, SOURCE)
            mappings = lifecycle.prepared(SOURCE, columns)

            def is_there() -> bool:
                nonlocal rows
                taken = lifecycle.catch_up(master, SOURCE, mappings, self.log)
                assert not taken.stopped, taken.stopped
                rows += taken.rows
                return master.execute(question.encode()).fetchone() == (answer,)

            until(is_there, 120, f"{question} is {answer}")
        return rows

    def look_up(self, scheme: str, value: str) -> list[dict[str, Any]]:
        """What the read catalog answers that is made of the master as it now is."""
        read = self.databases.create(READ_CATALOG)
        with psycopg.connect(read) as connection:
            name_generation(connection, "catalog", 1)
        carry(self.endpoints.master_dsn, read)
        asker = Asker(Master(self.endpoints.master_dsn), read)
        return asker.look_up(scheme, value, country="GB")


def _connect(address: str) -> pymysql.Connection:
    at = urlsplit(address)
    return pymysql.connect(
        host=at.hostname or "",
        port=at.port or 0,
        user=at.username,
        password=unquote(at.password or ""),
        database=at.path.removeprefix("/"),
        client_flag=CLIENT.MULTI_STATEMENTS,
        connect_timeout=5,
        read_timeout=60,
    )


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """Engines with a MariaDB among them, which has the tutorial's shop."""
    with TemporaryDirectory(prefix="catalog-mariadb-") as folder:
        Path(folder).chmod(0o711)
        settings = load_settings(
            data=Path(folder) / "data", embedded={"mariadb": True, "connectors": ["mariadb"]}
        )
        only = {"kafka", "connect", "master", "read"}
        with supervised_engines(settings, only=only) as engines:
            running = read_running(settings.data)
            assert running is not None
            address = running.addresses["mariadb"]
            with closing(_connect(address)) as opened, opened.cursor() as cursor:
                cursor.execute(DATABASE.read_text(encoding="utf-8"))
                while cursor.nextset():
                    pass
                opened.commit()
            databases = Databases(engines.endpoints.master_dsn)
            yield Shop(
                settings.model_copy(
                    update={"source": SourceSettings(address={"shop": SecretStr(address)})}
                ),
                replace(engines.endpoints, master_dsn=databases.create(MASTER)),
                address,
                engines,
                databases,
            )


def test_a_first_guess_of_a_shop_can_be_applied_and_shown(shop: Shop, tmp_path: Path) -> None:
    sources.initialise(shop.settings, "shop", "public", tmp_path / "shop")
    _, guessed = sources.of_folder(tmp_path / "shop")
    found = sources.check(shop.settings, shop.endpoints, guessed)
    assert [f for f in found if f.severity == "error"] == []
    shown = sources.preview(shop.settings, shop.endpoints, guessed, ["track", "identifier"], 3)
    assert [row.events for row in shown["track"]] == [["TrackAdded"]] * 3
    assert shown["track"][0].row["release_id"] == "shop-release-1"
    assert {row.row["scheme"] for row in shown["identifier"]} <= {"isrc", "upc"}
    assert shop.asked("SELECT to_regnamespace('source_shop')") == (None,)


def test_a_shop_in_mariadb_from_its_tables_to_the_lookup(shop: Shop) -> None:
    files = read_files(FOLDER)
    applied = sources.apply(shop.settings, shop.endpoints, files, SOURCE, print)
    assert (applied.written["track inserted"], applied.written["deal inserted"]) == (5000, 1500)
    assert applied.unusable == 0

    shop.transact("UPDATE artist SET name = 'Renamed' WHERE artistId = 8")
    shop.transact(
        "UPDATE releases SET upc = '299700099999', updatedAt = NOW(3) WHERE releaseId = 7",
        "UPDATE track SET releaseId = 8 WHERE trackId = 61",
        "DELETE FROM track WHERE trackId = 62",
        "UPDATE price SET price = 1.50 WHERE releaseId = 7 AND territory = 'GB'",
        "UPDATE release_format SET formatId = 35 WHERE releaseId = 7",
        "UPDATE track SET trackId = 9000 WHERE trackId = 63",
    )
    shop.follow_until("SELECT title FROM track WHERE id = 'shop-track-9000'", "Track 63")
    verified = sources.verify(shop.settings, shop.endpoints, "shop")
    assert (verified.disagreements, verified.replica, verified.is_compared) == ([], {}, True)
    (found,) = shop.look_up("isrc", "QZ5AC2600061")
    assert found["release"]["id"] == "shop-release-8"


def test_each_type_comes_as_what_it_is(shop: Shop) -> None:
    assert shop.asked(
        "SELECT explicitcontent, releasedate::text, year, addedat::text, updatedat::text, type"
        " FROM source_shop.releases WHERE releaseid = 5"
    ) == (0, "2020-01-06", 2020, "2026-01-02 03:04:05", "2026-01-02 03:04:05.678", "ep")
    columns = foreign_databases.columns_of(shop.settings, SOURCE)
    assert columns["price"]["price"] == "numeric"
    assert columns["track"]["durationms"] == "bigint"


def test_killed_server_and_connect_lose_nothing_and_say_nothing_twice(shop: Shop) -> None:
    choose = random.Random(7)  # noqa: S311 - a seed that repeats
    programs = ("mariadbd", "java")
    for number in range(6):
        for _ in range(40):
            shop.transact(*_happening(choose))
        engine = _engine(shop, programs[number % 2])
        assert engine is not None
        engine.kill()
        until(partial(_is_replaced, shop, engine), 120, "what ended runs again")
    source_capture.prepare_capture(shop.settings, shop.endpoints, SOURCE, print)
    shop.transact("INSERT INTO label (labelId, name) VALUES (9999, 'last')")
    shop.follow_until("SELECT name FROM label WHERE id = 'shop-label-9999'", "last")
    verified = sources.verify(shop.settings, shop.endpoints, "shop")
    assert (verified.disagreements, verified.replica) == ([], {})


def test_a_row_of_the_replica_that_differs_is_found(shop: Shop) -> None:
    with psycopg.connect(shop.endpoints.master_dsn) as master:
        master.execute("UPDATE source_shop.price SET price = price + 1 WHERE releaseid = 9")
        with foreign_databases.comparing(shop.settings, SOURCE) as differing:
            assert differing is not None
            assert differing(master, "price") > 0
            assert differing(master, "track") == 0
        master.rollback()


def test_what_is_removed_leaves_nothing(shop: Shop) -> None:
    gone = sources.remove(shop.settings, shop.endpoints, "shop", print)
    assert gone["track deleted"] > 4000
    assert shop.asked("SELECT to_regnamespace('source_shop')") == (None,)


def _engine(shop: Shop, program: str) -> psutil.Process | None:
    room = str(shop.settings.data / {"mariadbd": "mariadb", "java": "connect"}[program])
    for process in psutil.process_iter(["name", "cmdline"]):
        words = " ".join(process.info["cmdline"] or ())
        if process.info["name"] == program and room in words:
            return process
    return None


def _is_replaced(shop: Shop, engine: psutil.Process) -> bool:
    found = _engine(shop, engine.info["name"])
    return shop.engines.check() and found is not None and found.pid != engine.pid


def _happening(choose: random.Random) -> list[str]:
    draw = choose.randint
    a, b = draw(1, 500), draw(1, 500)
    return choose.choice(
        [
            [f"UPDATE artist SET name = CONCAT(name, '{a}') WHERE artistId = {draw(1, 80)}"],
            [f"UPDATE track SET releaseId = {a} WHERE trackId = {draw(1, 5000)}"],
            [f"UPDATE track SET trackNumber = trackNumber + 1 WHERE releaseId = {a}"],
            [f"DELETE FROM track WHERE trackId = {draw(1, 5000)}"],
            [f"UPDATE price SET price = price + 0.5 WHERE releaseId = {a}"],
            [f"DELETE FROM price WHERE releaseId = {a} AND territory = 'GB'"],
            [f"UPDATE releases SET updatedAt = NOW(3), upc = NULL WHERE releaseId = {b}"],
            [f"DELETE FROM release_format WHERE releaseId = {a}"],
            [f"UPDATE track SET trackId = trackId + 10000 WHERE trackId = {draw(1, 5000)}"],
        ]
    )
