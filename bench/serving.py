"""Lookups per second of `catalog serve`, one process, beside its floors in the same run.

`python -m bench.serving DSN [--tracks N] [--seconds S]` fills an empty database with a read catalog
of N tracks (unless it has one), and measures, one after another: the bare statement through psycopg
(alone, and as many numbers at once as the server gathers), an empty endpoint on the same HTTP
server, and the server itself. The load comes from a process of its own; processor time is told
beside the rates, since a rate on a shared machine says little.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import cycle
from pathlib import Path
from typing import cast

import psycopg

from adapters.api.gathering import TOGETHER
from adapters.api.server import Serving, application, listen, serve
from adapters.read_database.querying import SETTINGS
from bench.serving_rows import fill
from projections.catalog.queries.lookup import LOOKUP

_TICK = os.sysconf("SC_CLK_TCK")


async def _empty(scope: dict[str, object], receive: object, send: object) -> None:
    if scope["type"] == "lifespan":
        for stage in ("startup", "shutdown"):
            await receive()  # type: ignore[operator]
            await send({"type": f"lifespan.{stage}.complete"})  # type: ignore[operator]
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"[]"})  # type: ignore[operator]


class _Client(asyncio.Protocol):
    """Asks one question after another on one connection, and notes how long each took."""

    def __init__(self, paths: Iterator[bytes], took: list[float], bad: list[bytes], end: float):
        self._paths, self._took, self._bad, self._end = paths, took, bad, end
        self._buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        if self._asked > self._end:
            self._transport.close()
            return
        line = b"GET " + next(self._paths) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self._transport.write(line)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        size = self._buffer[:head].lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        if len(self._buffer) < head + 4 + int(size):
            return
        self._took.append(time.perf_counter() - self._asked)
        if self._buffer[9:12] != b"200":
            self._bad.append(self._buffer[9:12])
        self._buffer = b""
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def _load(
    port: int, connections: int, seconds: float, paths: list[bytes]
) -> tuple[list[float], list[bytes]]:
    took: list[float] = []
    bad: list[bytes] = []
    loop = asyncio.get_running_loop()
    end, around = time.perf_counter() + seconds, cycle(paths)
    clients = [
        (await loop.create_connection(lambda: _Client(around, took, bad, end), "127.0.0.1", port))[
            1
        ]
        for _ in range(connections)
    ]
    await asyncio.gather(*(client.done for client in clients))
    return sorted(took), bad


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / _TICK


def _isrcs(tracks: int, count: int) -> list[str]:
    return [f"USABC{random.randrange(tracks):07}" for _ in range(count)]  # noqa: S311


def bare(dsn: str, tracks: int, seconds: float, together: int) -> None:
    """The statement alone."""
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    took: list[float] = []
    with psycopg.connect(dsn, autocommit=True, options=options) as connection:
        backend = connection.info.backend_pid
        end = time.perf_counter() + seconds
        began = _processor_seconds(backend)
        while (start := time.perf_counter()) < end:
            numbers = _isrcs(tracks, together)
            connection.execute(
                LOOKUP,
                {
                    "schemes": ["isrc"] * together,
                    "values": numbers,
                    "raws": numbers,
                    "namespaces": [None] * together,
                    "countries": ["GB"] * together,
                    "zones": [None] * together,
                    "usages": [None] * together,
                    "instants": [None] * together,
                },
                prepare=True,
            ).fetchall()
            took.append(time.perf_counter() - start)
        used = _processor_seconds(backend) - began
    count = len(took) * together
    _tell(f"bare statement, {together} at once", sorted(took), count / seconds, used / count)


@contextmanager
def _server(kind: str, dsn: str) -> Iterator[tuple[int, int]]:
    with closing(listen("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "bench.serving", dsn, "--serve", kind, "--port", str(port)]
    process = subprocess.Popen(command)
    try:
        for _ in range(600):
            try:
                asyncio.run(_load(port, 1, 0, [b"/"]))
                break
            except OSError:
                time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def over_http(kind: str, dsn: str, tracks: int, seconds: float, connections: int) -> None:
    """A server, asked over so many connections at once."""
    paths = [f"/v1/lookup/isrc/{isrc}?country=GB".encode() for isrc in _isrcs(tracks, 20_000)]
    with _server(kind, dsn) as (port, pid):
        asyncio.run(_load(port, connections, 1, paths))
        began = _processor_seconds(pid)
        took, bad = asyncio.run(_load(port, connections, seconds, paths))
        used = _processor_seconds(pid) - began
    if bad:
        sys.exit(f"{len(bad)} requests failed: {set(bad)}")
    _tell(f"{kind}, {connections} connections", took, len(took) / seconds, used / len(took))


def _tell(name: str, took: list[float], rate: float, processor: float) -> None:
    p50, p99 = (took[int(len(took) * q)] * 1000 for q in (0.5, 0.99))
    print(
        f"{name:32} {rate:8.0f}/s   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms"
        f"   processor {processor * 1e6:5.0f} us each",
        flush=True,
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dsn")
    parser.add_argument("--tracks", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=14)
    parser.add_argument("--serve", choices=("empty endpoint", "catalog serve"))
    parser.add_argument("--port", type=int)
    asked = parser.parse_args()
    if asked.serve:
        app = application(Serving(asked.dsn, is_open=True))
        serve(lambda: _empty if asked.serve == "empty endpoint" else app,  # type: ignore[arg-type,return-value]
              listen("127.0.0.1", asked.port))  # fmt: skip
        return
    fill(asked.dsn, asked.tracks)
    print(
        f"{asked.tracks:,} tracks, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    for together in (1, TOGETHER):
        bare(asked.dsn, asked.tracks, asked.seconds, together)
    for kind in ("empty endpoint", "catalog serve"):
        over_http(kind, asked.dsn, asked.tracks, asked.seconds, asked.connections)
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
