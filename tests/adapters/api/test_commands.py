"""`catalog serve`, `keys` and `conflicts` as a user runs them."""

import json
import os
import signal
import subprocess
import sys

import httpx
import pytest

pytestmark = pytest.mark.integration
ENTRY = "import sys; from adapters.cli.main import main; sys.exit(main())"


def command(read_dsn: str, *words: str) -> subprocess.Popen[str]:
    """Start `catalog` with the settings of an installation that has nothing but a read database."""
    return subprocess.Popen(
        [sys.executable, "-c", ENTRY, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "CATALOG_READ__URL": read_dsn, "CATALOG_DATA": "/nonexistent"},
    )


def run(read_dsn: str, *words: str) -> tuple[int, str, str]:
    process = command(read_dsn, *words)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def test_served_until_sigterm(read_dsn: str) -> None:
    process = command(read_dsn, "serve", "--port", "0", "--keys")
    assert process.stderr is not None
    told = json.loads(process.stderr.readline())
    address = told["address"]
    assert told["access"] == "API keys only"
    code, key, _ = run(read_dsn, "keys", "create", "partner", "--rate", "1000")
    assert (code, key[:4]) == (0, "cat_")
    with httpx.Client(base_url=address, timeout=30) as client:
        assert client.get("/v1/releases/R").status_code == 401
        headers = {"Authorization": f"Bearer {key.strip()}"}
        assert client.get("/v1/releases/R", headers=headers).status_code == 200
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in rest


def test_keys_are_listed_without_their_secret_and_revoked(read_dsn: str) -> None:
    _, key, _ = run(read_dsn, "keys", "create", "someone else", "--scope", "operate")
    id_, secret = key.strip().split("_", 2)[1:]
    _, listed, _ = run(read_dsn, "keys", "list", "--json")
    (found,) = (one for one in map(json.loads, listed.splitlines()) if one["id"] == id_)
    assert (found["name"], found["scopes"], found["revoked_at"]) == (
        "someone else", ["operate"], None,
    )  # fmt: skip
    assert secret not in listed
    assert run(read_dsn, "keys", "revoke", id_)[0] == 0
    code, _, error = run(read_dsn, "keys", "revoke", id_)
    assert (code, "keys list" in error) == (2, True)
    assert run(read_dsn, "keys", "create", "x", "--scope", "nonsense")[0] == 2


def test_conflicts_are_listed(read_dsn: str) -> None:
    code, out, _ = run(read_dsn, "conflicts", "--json")
    assert code == 0
    assert [json.loads(line)["value"] for line in out.splitlines()] == [
        "USSKG1912346",
        "00094631432057",
    ]
    assert "different titles and lengths" in run(read_dsn, "conflicts", "--scheme", "isrc")[1]
