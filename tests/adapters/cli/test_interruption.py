"""Signals: heard at once, even by who waits for what never comes."""

import signal
import subprocess
import sys
from threading import Event

import pytest
import typer

from adapters.cli.interruption import resumable, stopping

WAITING = """
import sys
from threading import Event, Lock
from adapters.cli.interruption import stopping
stop = Event()
with stopping(stop, 0.1):
    print("waiting", flush=True)
    held = Lock()
    held.acquire()
    held.acquire()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_worker_is_told_to_stop_and_ends_by_itself(number: signal.Signals) -> None:
    former = signal.getsignal(number)
    stop = Event()
    with stopping(stop):
        signal.raise_signal(number)
        assert stop.wait(30)
    assert signal.getsignal(number) is former


def test_without_a_signal_nothing_is_told() -> None:
    stop = Event()
    with stopping(stop):
        pass
    assert not stop.is_set()


def test_who_waits_for_what_never_comes_is_ended() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert "nobody answers" in said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_command_that_goes_on_later_says_so(
    number: signal.Signals, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as end, resumable("the same command goes on"):
        signal.raise_signal(number)
    assert end.value.exit_code == code
    assert f"stopped ({number.name}): the same command goes on" in capsys.readouterr().err
