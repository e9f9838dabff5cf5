"""Kills Kafka Connect as `kill -9` would, and starts it again on the same port and folder."""

import os
import signal
from threading import Event
from urllib.parse import urlsplit

import psutil

from adapters.capture.connect import Connect
from adapters.embedded.connect import await_connect, connect_jars, start_connect
from adapters.embedded.java import Sizing
from adapters.embedded.maven import JarCache
from adapters.embedded.state import DataFolder
from tests.chain.processes import Chain, Child
from tests.waiting import until


def kill_and_restart(chain: Chain) -> None:
    """Returns once the connector runs again; the new process ends with the session."""
    (java,) = _processes(chain)
    java.send_signal(signal.SIGKILL)
    until(lambda: not _processes(chain), 10, "Connect is gone")
    chain.stop("connect")  # the supervisor of one that was started here before
    settings = chain.settings
    cache = JarCache(settings.cache, settings.embedded.maven_mirror, lambda _: None, Event())
    port = urlsplit(chain.endpoints.connect_url).port
    assert port is not None
    lock = os.open(os.devnull, os.O_RDONLY)  # the folder's own lock stays with who has it
    try:
        process = start_connect(
            DataFolder(settings.data, lock),
            connect_jars(cache),
            port=port,
            kafka=chain.endpoints.kafka,
            sizing=Sizing(settings.embedded.connect_heap_mb),
        )
    finally:
        os.close(lock)
    until(lambda: bool(_processes(chain)) or not process.is_running, 10, "Connect starts")
    chain.children["connect"] = Child(process, _processes(chain)[0].pid)
    await_connect(process, chain.endpoints.connect_url, Event())
    Connect(chain.endpoints.connect_url).await_running(settings.connect.connector)


def _processes(chain: Chain) -> list[psutil.Process]:
    """The Java process, not its supervisor."""
    worker = str(chain.settings.data / "connect" / "worker.properties")
    return [
        process
        for process in psutil.process_iter(["name", "cmdline", "status"])
        if process.info["name"] == "java"
        and worker in (process.info["cmdline"] or ())
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]
