"""Fetches the engines' Java archives once into the user's cache, exactly as locked.

`jars.lock` says what they must be (version, size, sha256); where they come from is a setting
(a mirror of the Maven repository). A file stands at its place in the cache only after its sum
was found right, so a start with a filled cache needs no network and no second check, and
processes that fill the same cache at the same time wait for each other.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from fcntl import LOCK_EX, LOCK_NB, flock
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TextIO

import requests
from jgo.maven import Artifact, MavenContext, PythonResolver

from domain.failures import Failure

LOCK = Path(__file__).with_name("jars.lock")
TIMEOUT_SECONDS = 30
PARALLEL_DOWNLOADS = 4
_LOCK_POLL_SECONDS = 0.2
Report = Callable[[str], None]


class CacheProblem(Failure):
    """The cache folder can't be read or written."""


class DownloadCancelled(Exception):
    """The start that needs the archives was given up."""


class SourceProblem(Failure):
    """An archive isn't in the cache and can't be fetched, or isn't what the lock says."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked archive: its Maven coordinate, size in bytes and sha256 (hexadecimal)."""

    group: str
    name: str
    version: str
    classifier: str
    packaging: str
    size: int
    sha256: str

    @property
    def coordinate(self) -> str:
        return ":".join((self.group, self.name, self.version, self.classifier, self.packaging))

    def artifact(self, context: MavenContext) -> Artifact:
        component = context.project(self.group, self.name).at_version(self.version)
        return component.artifact(classifier=self.classifier, packaging=self.packaging)


def read_lock(engine: str) -> list[Jar]:
    """The archives that `engine` ("kafka", "connect", "registry") is made of."""
    jars = []
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{engine} "):
            _, coordinate, size, digest = line.split()
            group, name, version, classifier, packaging = coordinate.split(":")
            jars.append(Jar(group, name, version, classifier, packaging, int(size), digest))
    return jars


def sha256(file: Path) -> str:
    """The sum of a file's content, hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True)
class JarCache:
    """The archives under `folder`, fetched from `mirror` (None: the public repository) if absent.

    Raises CacheProblem and SourceProblem; both name the file or address and what to do.
    """

    folder: Path
    mirror: str | None
    report: Report
    cancelled: Event = field(default_factory=Event)

    def class_path(self, engine: str) -> list[Path]:
        """The locked jars of an engine, all of them present."""
        return self._ensure(engine)

    def unpacked(self, engine: str) -> Path:
        """The folder that the engine's one locked archive (tar or jar) was unpacked into."""
        (jar,) = read_lock(engine)
        folder = self.folder / f"{jar.name}-{jar.version}-{jar.sha256[:12]}"
        if not _is_there(folder):
            (archive,) = self._ensure(engine)
            with self._exclusive():
                if not folder.exists():
                    self.report(f"unpacking {archive.name}")
                    _unpack(archive, folder)
        return folder

    @cached_property
    def _context(self) -> MavenContext:
        remote = None if self.mirror is None else {"mirror": self.mirror.rstrip("/")}
        return MavenContext(
            repo_cache=self.folder / "m2",
            resolver=PythonResolver(),
            remote_repos=remote,
            timeout=TIMEOUT_SECONDS,
        )

    def _place(self, jar: Jar) -> Path:
        artifact = jar.artifact(self._context)
        return self.folder / "m2" / artifact.component.path_prefix / artifact.filename

    def _missing(self, jars: Sequence[Jar]) -> list[Jar]:
        return [jar for jar in jars if not _is_there(self._place(jar), jar.size)]

    def _ensure(self, engine: str) -> list[Path]:
        jars = read_lock(engine)
        if self._missing(jars):
            with self._exclusive():
                missing = self._missing(jars)  # another process may have fetched them meanwhile
                if missing:
                    self._fetch(engine, missing)
        return [self._place(jar) for jar in jars]

    def _fetch(self, engine: str, jars: Sequence[Jar]) -> None:
        total = sum(jar.size for jar in jars)
        self.report(
            f"downloading {engine}: {len(jars)} archives, {total / 1e6:.0f} MB, into {self.folder}"
        )
        with (
            tempfile.TemporaryDirectory(dir=self.folder, prefix="download-") as folder,
            _progress(engine, total) as advance,
            ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool,
        ):
            resolver = PythonResolver(progress_callback=lambda name, size: self._counting(advance))
            staging = MavenContext(
                repo_cache=Path(folder),
                resolver=resolver,
                remote_repos=self._context.remote_repos,
                timeout=TIMEOUT_SECONDS,
            )
            downloads = [pool.submit(self._fetch_one, staging, jar) for jar in jars]
            try:
                for download in downloads:
                    download.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    @contextmanager
    def _counting(self, advance: Callable[[int], None]) -> Iterator[Callable[[int], None]]:
        """Passes on the bytes of one download as they come, and ends it when told to."""

        def count(size: int) -> None:
            if self.cancelled.is_set():
                raise DownloadCancelled
            advance(size)

        yield count

    def _fetch_one(self, staging: MavenContext, jar: Jar) -> None:
        source = ", ".join(staging.remote_repos.values())
        try:
            file = jar.artifact(staging).resolve()
        except (requests.RequestException, RuntimeError) as error:
            reason = type(error).__name__ if isinstance(error, requests.RequestException) else error
            raise SourceProblem(
                f"cannot fetch {jar.coordinate} from {source} ({reason}): check the network, or"
                " name a mirror of the Maven repository with CATALOG_EMBEDDED__MAVEN_MIRROR, or"
                f" copy a filled cache to {self.folder}"
            ) from error
        except OSError as error:
            raise _cache_problem(self.folder, error) from error
        found = sha256(file)
        if found != jar.sha256:
            raise SourceProblem(
                f"{jar.coordinate} from {source} isn't the archive that was locked"
                f" (sha256 {found}, wanted {jar.sha256}): don't use this source"
            )
        place = self._place(jar)
        place.parent.mkdir(parents=True, exist_ok=True)
        file.replace(place)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / "lock").open("w") as stream:
                while not _locked(stream):
                    if self.cancelled.wait(_LOCK_POLL_SECONDS):
                        raise DownloadCancelled
                yield
        except OSError as error:
            raise _cache_problem(self.folder, error) from error


def _locked(stream: TextIO) -> bool:
    try:
        flock(stream, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_there(path: Path, size: int | None = None) -> bool:
    try:
        found = path.stat()
        if size is not None and found.st_size != size:
            return False
        if not os.access(path, os.R_OK):
            raise PermissionError(13, "Permission denied", str(path))
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _cache_problem(path, error) from error
    return True


def _cache_problem(place: Path, error: OSError) -> CacheProblem:
    return CacheProblem(
        f"the cache of downloaded engines can't be used: {error.filename or place}:"
        f" {error.strerror or error}; correct its permissions (or free space there), or name"
        " another folder with CATALOG_CACHE"
    )


def _unpack(archive: Path, folder: Path) -> None:
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix="unpack-"))
    try:
        if archive.suffix == ".jar":
            _unpack_jar(archive, temporary)
        else:
            _unpack_tar(archive, temporary)
        temporary.chmod(0o755)  # mkdtemp makes it private; a cache may be shared by users
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _unpack_tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        # The way that also works before Python 3.11.4 (Debian 12), which has no filters yet.
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(folder)  # noqa: S202 - its checksum was verified


def _unpack_jar(archive: Path, folder: Path) -> None:
    """Of programs: a jar keeps no run bits, so what lies in bin or scripts gets them."""
    with zipfile.ZipFile(archive) as jar:
        jar.extractall(folder)  # noqa: S202 - its checksum was verified
    for file in folder.rglob("*"):
        is_program = file.is_dir() or file.parent.name in ("bin", "scripts")
        file.chmod(0o755 if is_program else 0o644)


@contextmanager
def _progress(engine: str, total: int) -> Iterator[Callable[[int], None]]:
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where somebody looks
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"downloading {engine}", total=total)
        yield lambda size: progress.advance(task, size)
