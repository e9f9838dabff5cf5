"""check, preview and verify."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from adapters.source.inspection import Finding, check, preview, verify
from adapters.source.postgres import columns
from adapters.source.replica import RowChange
from domain.failures import Misconfigured
from tests.adapters.source.chain import Chain
from tests.adapters.source.music import CASES, COLUMNS, Case, source_of
from tests.adapters.source.test_batch import ALBUM, release

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(master_database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(master_database, autocommit=True) as opened:
        yield opened


@pytest.fixture
def chain(master_database: str) -> Iterator[Chain]:
    with closing(
        Chain(master_database, source_of(CASES["three tables"], CASES["union"]))
    ) as opened:
        opened.apply(ALBUM)
        yield opened


def _check(connection: psycopg.Connection, *cases: Case, severity: str) -> list[Finding]:
    found = check(connection, source_of(*cases), COLUMNS)
    return [finding for finding in found if finding.severity == severity]


def test_every_case_passes_and_nothing_is_left_behind(connection: psycopg.Connection) -> None:
    for name, case in CASES.items():
        assert (name, _check(connection, case, severity="error")) == (name, [])
    left = connection.execute("SELECT to_regnamespace('source_music')::text").fetchone()
    assert left == (None,)


@pytest.mark.parametrize(
    ("master", "text", "why"),
    [
        ("release", "SELECT id, titel AS title FROM release", "titel"),
        ("release", "SELECT id, title AS name FROM release", "name is no column of release"),
        ("release", "SELECT id, id FROM release", "twice"),
        ("release", "SELECT title FROM release", "must give id"),
        ("release", "SELECT id, title AS duration_ms FROM release", "integer"),
        ("release", "SELECT id FROM releases", "reads releases"),
        ("identifier", "SELECT id, 'isrc' AS scheme FROM release", "must give owner_type"),
        (
            "identifier",
            "SELECT id, 'release' AS owner_type, id AS owner_id, 'upc' AS scheme,"
            " barcode AS value_raw, barcode AS value FROM release",
            "value is found by the product",
        ),
        ("release", "SELECT id FROM release WHERE no_such_function(id)", "no_such_function"),
    ],
)
def test_errors_are_named(connection: psycopg.Connection, master: str, text: str, why: str) -> None:
    found = _check(connection, Case(master, text), severity="error")
    assert any(why in finding.text for finding in found), found


def test_costs_are_named(connection: psycopg.Connection) -> None:
    ranked = "SELECT id, rank() OVER (ORDER BY title) AS track_count FROM release"
    (found,) = _check(connection, Case("release", ranked), severity="warning")
    assert "can't be derived" in found.text
    assert "affects.release.release" in found.text
    listed = "SELECT artist_credit AS id, string_agg(title, ',') AS title FROM release GROUP BY 1"
    (found,) = _check(connection, Case("release", listed), severity="warning")
    assert "ORDER BY inside" in found.text


def test_ids_that_are_not_unique_are_counted(chain: Chain) -> None:
    chain.apply([release(2)])
    twice = source_of(Case("release", "SELECT artist_credit AS id FROM release"))
    found = check(chain.connection, twice, COLUMNS)
    assert [f.text for f in found if f.severity == "error"] == [
        "1 rows have an id that another row has"
    ]


def test_preview_shows_rows_as_they_would_be(chain: Chain) -> None:
    of = {m.master: m for m in chain.mappings}
    (number, *_) = preview(chain.connection, chain.source, of["identifier"], 5)
    assert (number.row["value"], number.row["is_valid"]) == ("USRC17607839", True)
    assert number.events == []
    chain.connection.execute("DELETE FROM identifier")
    (number, *_) = preview(chain.connection, chain.source, of["identifier"], 5)
    assert number.events == ["IdentifierAssigned"]
    assert len(preview(chain.connection, chain.source, of["identifier"], 1)) == 1


def test_verify_finds_what_somebody_else_did(chain: Chain) -> None:
    assert verify(chain.connection, chain.source, chain.mappings) == []
    chain.connection.execute("UPDATE track SET title = 'X'")
    chain.connection.execute("DELETE FROM identifier WHERE id = 'i1'")
    chain.connection.execute("INSERT INTO identifier (id, message_id) VALUES ('z', 'source:music')")
    found = {d.master: d for d in verify(chain.connection, chain.source, chain.mappings)}
    assert found["track"].differing == ["t1"]
    assert (found["identifier"].missing, found["identifier"].surplus) == (["i1"], ["z"])


def test_columns_of_a_postgres_source(connection: psycopg.Connection) -> None:
    connection.execute("CREATE SCHEMA mb")
    connection.execute("CREATE TYPE mb.mood AS ENUM ('x')")
    for table in COLUMNS:
        key = "release, label" if table == "release_label" else "id"
        connection.execute(
            f"CREATE TABLE mb.{table} (id int, release int, label int, name varchar(20),"
            f" price numeric(10,2), doc json, mood mb.mood, at timestamptz(3), PRIMARY KEY ({key}))"
        )
    source = source_of(CASES["one to one"])
    plain = type(source)(
        name="music",
        tables={t: type(of)(t, of.key) for t, of in source.tables.items()},
        mappings=source.mappings,
        schema="mb",
    )
    assert columns(connection, plain)["label"] == {
        "id": "integer",
        "release": "integer",
        "label": "integer",
        "name": "character varying",
        "price": "numeric",
        "doc": "jsonb",
        "mood": "text",
        "at": "timestamp with time zone",
    }
    connection.execute("ALTER TABLE mb.label DROP CONSTRAINT label_pkey")
    with pytest.raises(Misconfigured, match="primary key is none"):
        columns(connection, plain)


def test_a_row_that_fails_hides_no_other_from_verify(master_database: str) -> None:
    case = Case("release", "SELECT id, (6 / artist_credit)::text AS title FROM release")
    with closing(Chain(master_database, source_of(case))) as chain:
        wrong = RowChange("release", (2,), {**(release(2).row or {}), "artist_credit": 0})
        chain.apply([release(1), wrong, release(3)])
        assert verify(chain.connection, chain.source, chain.mappings) == []
        chain.connection.execute("DELETE FROM release WHERE id = '3'")
        (found,) = verify(chain.connection, chain.source, chain.mappings)
        assert found.missing == ["3"]
