"""The archive cache against a small repository served on the loopback address."""

import functools
import gc
import hashlib
import http.server
import io
import os
import stat
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from adapters.embedded import maven
from adapters.embedded.maven import (
    CacheProblem,
    DownloadCancelled,
    JarCache,
    SourceProblem,
    read_lock,
)

JARS = {"engine": {"a": b"jar a", "b": b"jar b" * 10_000}, "packed": {"c": b""}}


jgo_leaves_responses_open = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
"""jgo closes no response that it doesn't read to its end; the test collects them itself."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A Maven repository with three archives, and a lock that names them."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo("app.jar")
        entry.size = 3
        tar.addfile(entry, io.BytesIO(b"app"))
    lines = []
    for engine, jars in JARS.items():
        for name, content in jars.items():
            packaging = "tar.gz" if engine == "packed" else "jar"
            body = packed.getvalue() if engine == "packed" else content
            file = tmp_path / f"repository/org/x/{name}/1/{name}-1.{packaging}"
            file.parent.mkdir(parents=True)
            file.write_bytes(body)
            digest = hashlib.sha256(body).hexdigest()
            lines.append(f"{engine} org.x:{name}:1::{packaging} {len(body)} {digest}")
    lock = tmp_path / "jars.lock"
    lock.write_text("\n".join(lines))
    monkeypatch.setattr(maven, "LOCK", lock)
    handler = functools.partial(Quiet, directory=str(tmp_path / "repository"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def cache(folder: Path, mirror: str, cancelled: Event | None = None) -> JarCache:
    return JarCache(folder, mirror, lambda line: None, cancelled or Event())


def test_what_is_locked_is_fetched_once_and_then_needs_no_source(
    tmp_path: Path, repository: str
) -> None:
    fetched = cache(tmp_path / "cache", repository).class_path("engine")
    assert [file.read_bytes() for file in fetched] == list(JARS["engine"].values())
    assert cache(tmp_path / "cache", "http://127.0.0.1:1").class_path("engine") == fetched
    left = {entry.name for entry in (tmp_path / "cache").iterdir()}
    assert left == {"m2", "lock"}


def test_a_packed_application_is_unpacked_once(tmp_path: Path, repository: str) -> None:
    folder = cache(tmp_path / "cache", repository).unpacked("packed")
    assert (folder / "app.jar").read_bytes() == b"app"
    assert cache(tmp_path / "cache", "http://127.0.0.1:1").unpacked("packed") == folder


def test_programs_in_a_jar_can_be_run(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.jar", "w") as jar:
        jar.writestr("x/linux/bin/server", "a program")
        jar.writestr("x/linux/share/text", "a text")
    maven._unpack(tmp_path / "a.jar", tmp_path / "unpacked")
    home = tmp_path / "unpacked/x/linux"
    assert stat.S_IMODE((home / "bin/server").stat().st_mode) == 0o755
    assert stat.S_IMODE((home / "share/text").stat().st_mode) == 0o644


def test_an_archive_that_isn_t_the_locked_one_is_refused(tmp_path: Path, repository: str) -> None:
    (tmp_path / "repository/org/x/a/1/a-1.jar").write_bytes(b"evil!")
    with pytest.raises(SourceProblem, match=r"org\.x:a:1::jar from http.*isn't the archive"):
        cache(tmp_path / "cache", repository).class_path("engine")
    assert not list((tmp_path / "cache").rglob("a-1.jar"))


def test_a_truncated_file_in_the_cache_is_fetched_again(tmp_path: Path, repository: str) -> None:
    first, *_ = cache(tmp_path / "cache", repository).class_path("engine")
    first.write_bytes(b"j")
    cache(tmp_path / "cache", repository).class_path("engine")
    assert first.read_bytes() == b"jar a"


@jgo_leaves_responses_open
def test_an_unreachable_source_is_named_with_the_cure(tmp_path: Path, repository: str) -> None:
    with pytest.raises(SourceProblem, match=r"127\.0\.0\.1:1 .*CATALOG_EMBEDDED__MAVEN_MIRROR"):
        cache(tmp_path / "cache", "http://127.0.0.1:1").class_path("engine")
    with pytest.raises(SourceProblem, match=r"org\.x:a:1"):
        cache(tmp_path / "cache", f"{repository}nowhere").class_path("engine")
    gc.collect()


def test_an_unusable_cache_is_named_with_the_cure(tmp_path: Path, repository: str) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(CacheProblem, match=r"/cache/.*Not a directory.*CATALOG_CACHE"):
        cache(tmp_path / "cache", repository).class_path("engine")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_archive_is_named(tmp_path: Path, repository: str) -> None:
    first, *_ = cache(tmp_path / "cache", repository).class_path("engine")
    first.chmod(0)
    with pytest.raises(CacheProblem, match=r"a-1\.jar: Permission denied"):
        cache(tmp_path / "cache", repository).class_path("engine")


def test_many_at_once_fetch_once(tmp_path: Path, repository: str) -> None:
    said: list[str] = []
    caches = [JarCache(tmp_path / "cache", repository, said.append) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda each: each.class_path("engine"), caches))
    assert all(paths == found[0] for paths in found)
    assert len(said) == 1


@jgo_leaves_responses_open
def test_a_download_can_be_given_up(tmp_path: Path, repository: str) -> None:
    cancelled = Event()
    cancelled.set()
    with pytest.raises(DownloadCancelled):
        cache(tmp_path / "cache", repository, cancelled).class_path("engine")
    gc.collect()
    assert {entry.name for entry in (tmp_path / "cache").iterdir()} <= {"lock", "m2"}


def test_the_lock_of_the_project_names_no_address() -> None:
    text = maven.LOCK.read_text()
    assert "://" not in text
    for engine, count in {"kafka": 46, "connect": 65, "debezium": 10, "registry": 1}.items():
        jars = read_lock(engine)
        assert len(jars) == count
        assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in jars)
        kafka_versions = {jar.version for jar in jars if jar.group == "org.apache.kafka"}
        assert len(kafka_versions) <= 1, "a bill of materials pulled a part to another version"
