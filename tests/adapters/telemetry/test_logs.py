"""One stream, JSON or lines, and never a secret in it."""

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from adapters.composition.settings import load_settings, secrets_of
from adapters.telemetry.logs import Hide, configure_logs

SECRET = "s3cr3t-Pa55"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    showing = warnings.showwarning
    yield
    logging.captureWarnings(False)
    warnings.showwarning = showing
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_elsewhere_than_on_a_terminal_each_line_is_json() -> None:
    stream = io.StringIO()
    configure_logs(stream)
    structlog.get_logger("translate").warning("parked", topic="master.public.track", offset=7)
    logging.getLogger("projections.engine.worker").warning("away: %s", "gone")
    ours, theirs = _lines(stream)
    assert (ours["event"], ours["level"], ours["topic"], ours["offset"]) == (
        "parked",
        "warning",
        "master.public.track",
        7,
    )
    assert (theirs["event"], theirs["logger"]) == ("away: gone", "projections.engine.worker")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", theirs["timestamp"])


def test_on_a_terminal_a_line_is_for_people() -> None:
    stream = _Terminal()
    configure_logs(stream)
    structlog.get_logger("translate").warning("parked", topic="t")
    line = stream.getvalue()
    assert "parked" in line
    assert not line.startswith("{")


def test_chatty_libraries_only_warn() -> None:
    stream = io.StringIO()
    configure_logs(stream)
    for name in ("httpx", "httpx2", "alembic.runtime.migration"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("trouble of %s", name)
    assert [line["level"] for line in _lines(stream)] == ["warning"] * 3


@pytest.mark.parametrize("terminal", [True, False])
def test_no_secret_appears_wherever_it_stands(
    terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATALOG_KAFKA__OPTIONS__SASL_PASSWORD", SECRET)
    monkeypatch.setenv("CATALOG_READ__URL", f"postgresql://catalog:{SECRET}@db/catalog_read")
    stream = _Terminal() if terminal else io.StringIO()
    configure_logs(stream, secrets=secrets_of(load_settings()))
    log = structlog.get_logger("anything")
    log.warning(f"could not log in with {SECRET}")
    log.warning("settings", password=SECRET, nested={"sasl.password": SECRET, "list": [SECRET]})
    log.warning("an object", error=psycopg.OperationalError(f"password={SECRET} host=db"))
    logging.getLogger("psycopg").error("to %s", f"postgresql://me:{SECRET}@host:5432/x")
    try:
        raise ValueError(f"refused {SECRET}")
    except ValueError:
        log.exception("failed")
    assert stream.getvalue().count("***") >= 6
    assert SECRET not in stream.getvalue()


def test_what_looks_like_a_secret_is_hidden_though_nobody_told_of_it() -> None:
    hide = Hide()
    assert hide.text("postgresql://me:pw@host/db") == "postgresql://me:***@host/db"
    assert hide.text("sasl.password=abc, x=1") == "sasl.password=***, x=1"
    assert hide.text("Authorization: Bearer abc.def") == "Authorization: Bearer ***"
    assert hide.text("http://host:8080/path") == "http://host:8080/path"


@given(st.text(min_size=8).filter(lambda s: "*" not in s), st.text(), st.text())
def test_a_known_secret_never_survives(secret: str, before: str, after: str) -> None:
    assert secret not in Hide([secret]).text(before + secret + after) or secret in before + after
