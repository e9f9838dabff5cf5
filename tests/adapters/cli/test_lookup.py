"""`catalog lookup` as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import psycopg
import pytest

from adapters.api import shapes
from adapters.composition.endpoints import Endpoints
from tests.beside import killed
from tests.catalog_rows import make_catalog, number, write

pytestmark = pytest.mark.integration

ISRC = "USSKG1912345"


@pytest.fixture
def environment(database: str, engines: Endpoints, tmp_path: Path) -> dict[str, str]:
    """A catalog of one track, and the settings that lead to it."""
    make_catalog(database)
    with psycopg.connect(database) as connection:
        write(connection, "release", {"id": "R", "title": "Album", "status": "active"})
        write(connection, "recording", {"id": "C", "title": "Song [x]"})
        write(connection, "track", {"id": "T", "recording_id": "C", "release_id": "R"})
        write(connection, "identifier", number("i", "isrc", ISRC, "recording", "C"))
    return os.environ | {
        "CATALOG_DATA": str(tmp_path),
        "CATALOG_READ__URL": database,
        "CATALOG_MASTER__URL": engines.master_dsn,
        "CATALOG_KAFKA__BOOTSTRAP": engines.kafka["bootstrap.servers"],
        "CATALOG_REGISTRY__URL": engines.registry.url,
        "CATALOG_CONNECT__URL": engines.connect_url,
    }


def catalog(
    environment: dict[str, str], *arguments: str, given: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    program = (
        "import typer; from adapters.cli import lookup, main; "
        "main.COMMANDS = (main.lookup, main.migrate); main.main()"
    )
    return subprocess.run(
        [sys.executable, "-c", program, "lookup", *arguments],
        input=given,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_json_of_one_number(environment: dict[str, str]) -> None:
    done = catalog(environment, "isrc", "us-skg-19-12345", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    answer = json.loads(done.stdout)
    assert (answer["scheme"], answer["value"]) == ("isrc", ISRC)
    (match,) = answer["matches"]
    assert (match["owner"], match["id"], match["release"]["title"]) == ("track", "T", "Album")
    assert match["match"]["valid"] is True
    assert msgspec.json.decode(done.stdout, type=shapes.Lookup).matches[0].id == "T"


def test_a_table_for_people(environment: dict[str, str]) -> None:
    done = catalog(environment, "isrc", ISRC)
    assert done.returncode == 0
    assert "Song [x]" in done.stdout.decode()
    assert "R (Album)" in done.stdout.decode()


def test_nothing_found_and_malformed(environment: dict[str, str]) -> None:
    done = catalog(environment, "upc", "763331950658", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["matches"] == []
    done = catalog(environment, "upc", "763331950659", "--json")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"check digit should be 8" in done.stderr
    assert catalog(environment, "isbn", "1").returncode == 2


def test_many_numbers_from_standard_input(environment: dict[str, str]) -> None:
    lines = [
        ISRC.encode(),
        b"nonsense",
        b"",
        b"\xff\xfe",
        b"GBAAA0000001",
        b"us-skg-19-12345",
    ] * 400
    given = b"\r\n".join([b"\xef\xbb\xbf" + lines[0], *lines[1:]])
    done = catalog(environment, "isrc", "-", "--json", given=given)
    assert (done.returncode, done.stderr) == (0, b"")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(lines)
    assert [a.get("type") for a in answers] == [
        None, *["/problems/malformed-identifier"] * 3, None, None,
    ] * 400  # fmt: skip
    assert [len(a.get("matches", ())) for a in answers] == [1, 0, 0, 0, 0, 1] * 400


def test_who_writes_a_line_and_waits_is_answered(environment: dict[str, str]) -> None:
    commands = "(main.lookup, main.migrate)"
    program = f"from adapters.cli import main; main.COMMANDS = {commands}; main.main()"
    with (
        subprocess.Popen(
            [sys.executable, "-c", program, "lookup", "isrc", "-", "--json"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        ) as process,
        killed(process),
    ):
        assert process.stdin
        assert process.stdout
        for _ in range(2):
            process.stdin.write(ISRC.encode() + b"\n")
            process.stdin.flush()
            assert len(json.loads(process.stdout.readline())["matches"]) == 1
        process.stdin.close()
        assert process.wait(30) == 0
