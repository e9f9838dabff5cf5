"""The tutorial's shop in a real MariaDB: captured by Debezium, replicated, mapped, looked up."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import pymysql
import pytest
from pydantic import SecretStr
from pymysql.constants import CLIENT

from adapters.composition import source_capture
from adapters.composition.endpoints import Endpoints
from adapters.composition.engines import running_engines
from adapters.composition.foreign_databases import foreign_connection
from adapters.composition.settings import Settings, SourceSettings, load_settings
from adapters.composition.wiring import event_log
from adapters.embedded.state import read_running
from adapters.read_database.gate import name_generation
from adapters.source import batch, inspection, mariadb, replica
from adapters.source.folder import read_folder
from adapters.source.lifecycle import catch_up, settle
from adapters.source.mapping import prepare
from projections.ports.event_log import EventLog
from tests.adapters.ingestion.master import Master
from tests.availability.asking import Asker
from tests.databases import MASTER, READ_CATALOG, Databases
from tests.master_to_read import carry

pytestmark = pytest.mark.integration

FOLDER = Path(__file__).parents[3] / "docs" / "tutorial" / "own-master"
SOURCE = read_folder(FOLDER / "shop")


@dataclass
class Shop:
    """The shop's database, its connector, and a master of its own that follows."""

    address: str
    dsn: str
    """Of the master."""
    master: psycopg.Connection
    log: EventLog
    databases: Databases

    def __post_init__(self) -> None:
        with closing(self.connect()) as opened, opened.cursor() as cursor:
            cursor.execute((FOLDER / "shop.sql").read_text(encoding="utf-8"))
            while cursor.nextset():
                pass
            opened.commit()
        with foreign_connection(self.address, "shop") as asked_:
            assert mariadb.faults(asked_) == []
            self.columns = mariadb.columns(asked_, SOURCE)
        names = {table: list(of) for table, of in self.columns.items()}
        self.mappings = batch.in_order(prepare(m, names) for m in SOURCE.mappings.values())
        with self.master.transaction():
            replica.create(self.master, SOURCE, self.columns)
            replica.index(self.master, SOURCE, self.mappings)

    def connect(self) -> pymysql.Connection:
        at = urlsplit(self.address)
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

    def transact(self, *statements: str) -> None:
        with closing(self.connect()) as opened, opened.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            opened.commit()

    def follow_until(self, question: str, answer: object, seconds: float = 120) -> None:
        """Take in what comes until the master database answers so."""
        until = time.monotonic() + seconds
        while True:
            taken = catch_up(self.master, SOURCE, self.mappings, self.log)
            assert not taken.stopped, taken.stopped
            found = self.master.execute(question.encode()).fetchone()
            if found == (answer,):
                return
            assert time.monotonic() < until, f"{question}: {found}, not {answer}"
            Event().wait(0.1)

    def look_up(self, scheme: str, value: str) -> list[dict[str, Any]]:
        """What the read catalog answers that is made of the master as it now is."""
        read = self.databases.create(READ_CATALOG)
        with psycopg.connect(read) as connection:
            name_generation(connection, "catalog", 1)
        carry(self.dsn, read)
        return Asker(Master(self.dsn), read).look_up(scheme, value, country="GB")


@pytest.fixture(scope="module")
def house() -> Iterator[tuple[Settings, Endpoints, str]]:
    """Engines with a MariaDB among them, and its address."""
    with TemporaryDirectory(prefix="catalog-mariadb-") as folder:
        Path(folder).chmod(0o711)
        settings = load_settings(
            data=Path(folder) / "data", embedded={"mariadb": True, "connectors": ["mariadb"]}
        )
        only = {"kafka", "connect", "master", "read"}
        with running_engines(settings, only=only) as endpoints:
            running = read_running(settings.data)
            assert running is not None
            yield settings, endpoints, running.addresses["mariadb"]


@pytest.fixture(scope="module")
def shop(house: tuple[Settings, Endpoints, str]) -> Iterator[Shop]:
    settings, endpoints, address = house
    databases = Databases(endpoints.master_dsn)
    dsn = databases.create(MASTER)
    known = settings.model_copy(
        update={"source": SourceSettings(address={"shop": SecretStr(address)})}
    )
    with psycopg.connect(dsn, autocommit=True) as master:
        opened = Shop(address, dsn, master, event_log(settings, endpoints), databases)
        source_capture.prepare_capture(known, endpoints, SOURCE, print)
        yield opened
        source_capture.end_capture(known, endpoints, SOURCE, print)


def test_a_shop_in_mariadb_from_its_tables_to_the_lookup(shop: Shop) -> None:
    shop.follow_until("SELECT count(*) FROM source_shop.release_format", 750)
    shop.follow_until("SELECT count(*) FROM source_shop.track", 5000)
    shop.follow_until("SELECT count(*) FROM source_shop.price", 1500)
    written = settle(shop.master, SOURCE, shop.mappings)
    assert (written["track inserted"], written["deal inserted"]) == (5000, 1500)
    assert shop.master.execute("SELECT count(*) FROM source_shop.__unusable").fetchone() == (0,)

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
    assert inspection.verify(shop.master, SOURCE, shop.mappings) == []
    (found,) = shop.look_up("isrc", "QZ5AC2600061")
    assert found["release"]["id"] == "shop-release-8"


def test_each_type_comes_as_what_it_is(shop: Shop) -> None:
    row = shop.master.execute(
        "SELECT explicitcontent, releasedate::text, year, addedat::text, updatedat::text, type"
        " FROM source_shop.releases WHERE releaseid = 5"
    ).fetchone()
    assert row == (0, "2020-01-06", 2020, "2026-01-02 03:04:05", "2026-01-02 03:04:05.678", "ep")
    assert shop.columns["price"]["price"] == "numeric"
    assert shop.columns["track"]["durationms"] == "bigint"
