"""A command that is forked does what one that is started does."""

import os
import socket
from pathlib import Path

import pytest

from tests.chain.forking import forking

pytestmark = pytest.mark.integration  # it imports for seconds, once for all tests of the chain


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "CATALOG_DATA": str(tmp_path)}


def test_each_has_arguments_streams_and_an_exit_code_of_its_own(
    environment: dict[str, str],
) -> None:
    for _ in range(2):
        version = forking().run(["--version"], environment, "", 30)
        assert (version.code, version.errors) == (0, "")
        assert version.out.startswith("catalog-projections ")
        wrong = forking().run(["lookup", "nonsense", "1"], environment, "", 30)
        assert (wrong.code, wrong.out) == (2, "")
        assert "nonsense" in wrong.errors


def test_each_has_an_environment_of_its_own(environment: dict[str, str], tmp_path: Path) -> None:
    for folder in (tmp_path / "one", tmp_path / "other"):
        environment["CATALOG_DATA"] = str(folder)
        done = forking().run(["lookup", "isrc", "GBAYE0000001"], environment, "", 30)
        assert f"no `catalog up` runs on {folder}," in done.errors


def test_what_takes_too_long_tells_where_it_stood(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        environment["CATALOG_READ__URL"] = f"postgresql://nobody@127.0.0.1:{port}/none"
        done = forking().run(["lookup", "isrc", "GBAYE0000001"], environment, "", 2)
    assert done.code == -6
    assert "Fatal Python error: Aborted" in done.errors
