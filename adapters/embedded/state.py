"""The data folder: who uses it, what runs there, and how other commands find it.

One `up` at a time owns the folder through a lock that the operating system frees with the last
process that holds it (the supervisors of engines hold it too: a folder whose `up` was killed counts
as in use until its engines are gone). What runs is written to one file, which counts only while
its process lives.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path

from domain.failures import Failure, WrongUsage

MARKER = ".catalog-projections"
_RUNNING = "running.json"
_LOCK = "up.lock"
_PORTS = "ports.json"
_LEFTOVER_SECONDS = 15.0


class DataFolderInUse(Failure):
    """Another `up` runs on this data folder."""


class DataFolderProblem(WrongUsage):
    """The data folder can't be used, or isn't one that this program made."""


@dataclass(frozen=True)
class Running:
    """What a living `up` has told about itself: its process, and the engines that it embeds.

    `addresses` has a key for each embedded engine only: kafka (host:port), registry and connect
    (URL), master and read (PostgreSQL URL with password).
    """

    pid: int
    addresses: dict[str, str]

    def __repr__(self) -> str:
        return f"Running(pid={self.pid}, engines={sorted(self.addresses)})"


def read_running(data: Path) -> Running | None:
    """What runs on this data folder now; None if nothing does.

    Raises DataFolderProblem when the state file can't be read.
    """
    try:
        if not _is_held(data / _LOCK):
            return None
        found = json.loads((data / _RUNNING).read_text(encoding="utf-8"))
        running = Running(**found)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise DataFolderProblem(
            f"cannot read what runs in {data} ({error}): run as the user who started `catalog up`,"
            " or name another folder with CATALOG_DATA"
        ) from error
    return running if _is_alive(running.pid) else None


def _is_held(lock: Path) -> bool:
    """Whether a living `up`, or what is left of a killed one, holds the folder's lock."""
    descriptor = os.open(lock, os.O_RDONLY)
    try:
        flock(descriptor, LOCK_SH | LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, and is another user's
        return True
    return True


@dataclass(frozen=True)
class DataFolder:
    """A data folder that this process owns; `lock` is the descriptor of its lock."""

    path: Path
    lock: int

    def room(self, name: str) -> Path:
        """An engine's own folder, which no other user may look into."""
        return closed_folder(self.path / name)

    def publish(self, addresses: dict[str, str]) -> None:
        """Tell other commands what runs here (readable by this user only: it holds passwords)."""
        self._write(_RUNNING, asdict(Running(os.getpid(), addresses)))

    def withdraw(self) -> None:
        """Say that nothing runs here any more."""
        (self.path / _RUNNING).unlink(missing_ok=True)

    def former_ports(self) -> dict[str, int]:
        """The ports of the last run, by engine: addresses stay the same where they can."""
        with suppress(OSError, ValueError):
            found: dict[str, int] = json.loads((self.path / _PORTS).read_text(encoding="utf-8"))
            return found
        return {}

    def remember_ports(self, ports: dict[str, int]) -> None:
        self._write(_PORTS, ports)

    def remember_secret(self, name: str) -> str:
        """A random secret kept in the folder, the same on every run."""
        return remember_secret(self.path, name)

    def _write(self, name: str, content: object) -> None:
        _write_text(self.path, name, json.dumps(content, indent=1))


def remember_secret(data: Path, name: str) -> str:
    """A random secret kept in the data folder for this user only, the same on every run."""
    file = data / name
    if not file.exists():
        _write_text(data, name, secrets.token_urlsafe(24))
    return file.read_text(encoding="utf-8")


def _write_text(data: Path, name: str, text: str) -> None:
    draft = data / f"{name}.{os.getpid()}"
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(data / name)


def closed_folder(path: Path) -> Path:
    """Make a folder if need be, and close it to other users."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


@contextmanager
def own_data_folder(path: Path, *, fresh: bool) -> Iterator[DataFolder]:
    """Make the folder if need be, lock it, and with `fresh` empty it first.

    Raises DataFolderInUse (naming the pid) and DataFolderProblem.
    """
    try:
        _claim(path)
        descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DataFolderProblem(
            f"the data folder can't be used: {error.filename or path}: {error.strerror}; correct"
            " its permissions, or name another with --data or CATALOG_DATA"
        ) from error
    try:
        _lock(path, descriptor)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        if fresh:
            _empty(path)
        yield DataFolder(path, descriptor)
    finally:
        os.close(descriptor)


def _claim(path: Path) -> None:
    """Only an empty folder, or one with our mark, is ours to write into (and ever to delete)."""
    # PostgreSQL runs as another user when we are root, and must reach its folder through this one
    path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    if not (path / MARKER).exists():
        if any(path.iterdir()):
            raise DataFolderProblem(
                f"{path} has files in it that `catalog up` didn't make: name an empty or a new"
                " folder with --data or CATALOG_DATA"
            )
        (path / MARKER).write_text("made by `catalog up`; `catalog up --fresh` empties it\n")


def _lock(path: Path, descriptor: int) -> None:
    deadline = time.monotonic() + _LEFTOVER_SECONDS
    while True:
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode() or "unknown"
            if holder.isdigit() and _is_alive(int(holder)):
                raise DataFolderInUse(
                    f"{path} is in use by another `catalog up` (pid {holder}): stop that one, or"
                    " name another folder with --data or CATALOG_DATA"
                ) from None
            if time.monotonic() > deadline:
                raise DataFolderInUse(
                    f"{path} is still held by engines of a killed `catalog up` (pid {holder}):"
                    " try again in a moment"
                ) from None
            time.sleep(0.1)  # its supervisors are ending the engines at this moment
        else:
            return


def _empty(path: Path) -> None:
    for entry in path.iterdir():
        if entry.name in (MARKER, _LOCK):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
