"""Writes `jars.lock`: which Java archives the embedded engines are made of, exactly.

Run by a maintainer (`python -m adapters.embedded.lock`) after changing a version below; users
only ever read the result. Addresses are left out of the lock on purpose: where archives come
from is a setting, what they must be is not.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver

from adapters.embedded.maven import LOCK, Jar, sha256

KAFKA = "4.3.1"
DEBEZIUM = "3.6.1.Final"
APICURIO = "3.3.3"
LOG4J = "2.25.4"
LOGGING = (  # without a binding slf4j drops every line, and a failed start would have no reason;
    # "!": its bill of materials must not move the versions of the engines' own libraries
    f"org.apache.logging.log4j:log4j-slf4j-impl:{LOG4J}!",
    f"org.apache.logging.log4j:log4j-core:{LOG4J}!",
)
WANTED: dict[str, tuple[str, ...]] = {
    "kafka": (f"org.apache.kafka:kafka_2.13:{KAFKA}", *LOGGING),
    "connect": (
        f"org.apache.kafka:connect-runtime:{KAFKA}",
        f"org.apache.kafka:connect-json:{KAFKA}",
        # Debezium's bill of materials would pull these three back to the version it was built with
        f"org.apache.kafka:connect-api:{KAFKA}",
        f"org.apache.kafka:connect-transforms:{KAFKA}",
        f"org.apache.kafka:kafka-clients:{KAFKA}",
        f"io.debezium:debezium-connector-postgres:{DEBEZIUM}",
        f"io.debezium:debezium-connector-sqlserver:{DEBEZIUM}",
        *LOGGING,
    ),
}
REGISTRY = Jar("io.apicurio", "apicurio-registry-app", APICURIO, "all", "tar.gz", 0, "")


def lock(repository: Path) -> list[str]:
    """Resolve what is wanted, download it into `repository`, and return the lock's lines."""
    context = MavenContext(repo_cache=repository, resolver=PythonResolver(), timeout=120)
    lines = []
    for engine, coordinates in WANTED.items():
        given, others = context.resolver.resolve(
            [context.create_dependency(coordinate) for coordinate in coordinates]
        )
        for dependency in sorted([*given, *others], key=lambda d: (d.groupId, d.artifactId)):
            jar = Jar(
                dependency.groupId, dependency.artifactId, dependency.version, "", "jar", 0, ""
            )
            lines.append(_line(engine, jar, dependency.artifact.resolve()))
    registry = REGISTRY.artifact(context).resolve()
    lines.append(_line("registry", REGISTRY, registry))
    return lines


def _line(engine: str, jar: Jar, file: Path) -> str:
    return f"{engine} {jar.coordinate} {file.stat().st_size} {sha256(file)}"


def main() -> None:
    """Rewrite the lock beside this module."""
    with tempfile.TemporaryDirectory() as folder:
        lines = lock(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder))
    head = (
        "# engine group:artifact:version:classifier:packaging bytes sha256"
        " - written by `python -m adapters.embedded.lock`"
    )
    LOCK.write_text("\n".join([head, *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
