"""Nothing outside composition opens a connection or constructs what opens one.

Read from the source: a call of a driver (`psycopg.connect`, `Consumer(…)`, `httpx.get` …) may stand
only in the room of the engine that it speaks to. Whatever does so, directly or through what it
calls, is an *opener*, and an opener of another room is called by `adapters.composition` alone. What
composition itself offers is there to be asked, by everybody above it.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
COMPOSITION = "composition"

DRIVERS = {
    "psycopg.connect",
    "psycopg.Connection.connect",
    "psycopg.AsyncConnection.connect",
    "psycopg_pool.ConnectionPool",
    "pymysql.connect",
    "psycopg_pool.AsyncConnectionPool",
    "sqlalchemy.create_engine",
    "confluent_kafka.Consumer",
    "confluent_kafka.Producer",
    "confluent_kafka.admin.AdminClient",
    "confluent_kafka.schema_registry.SchemaRegistryClient",
    "kafka.admin.KafkaAdminClient",
    *(f"httpx.{name}" for name in ("get", "post", "put", "delete", "request", "stream")),
    "httpx.Client",
    "httpx.AsyncClient",
}
"""What opens a connection."""

ENGINE_ROOMS = {
    "event_log": "speaks to Kafka and the registry",
    "read_database": "speaks to PostgreSQL, and opens its connection again when it was lost",
    "capture": "speaks to Kafka Connect",
    "embedded": "asks the engines that it started whether they answer",
    "migrations": "alembic wants a transaction of its own",
    COMPOSITION: "makes everything",
}
"""Rooms in which a driver may be called, and why."""

BELOW = {
    ("read_database", "migrations"): "a generation is made by its migrations",
    ("capture", "event_log"): "a signal to the connector is a record in Kafka",
}
"""Rooms that use another's opener without composition between them, and why."""


@dataclass
class Module:
    """One source file, as far as calls go."""

    name: str
    room: str
    definitions: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    """Top-level function or class → the full names that it calls, with lines. "" for the rest."""


def read(file: Path, root: Path) -> Module:
    """The calls of a module, with what its imports make of their names."""
    parts = file.relative_to(root).with_suffix("").parts
    name = ".".join(parts).removesuffix(".__init__")
    module = Module(name, parts[1] if parts[0] == "adapters" and len(parts) > 2 else parts[0])
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = dict(_imported(tree))
    names |= {
        node.name: f"{name}.{node.name}"
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    for node in tree.body:
        is_named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        definition = getattr(node, "name", "") if is_named else ""
        calls = module.definitions.setdefault(definition, [])
        for call in (found for found in ast.walk(node) if isinstance(found, ast.Call)):
            # what is handed on, to be called later, counts as called
            for called in filter(None, map(_dotted, [call.func, *call.args])):
                head, _, rest = called.partition(".")
                if head in names:
                    calls.append((names[head] + (f".{rest}" if rest else ""), call.lineno))
    return module


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                yield (
                    one.asname or one.name.partition(".")[0],
                    (one.asname and one.name) or (one.name.partition(".")[0]),
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                yield one.asname or one.name, f"{node.module}.{one.name}"


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := _dotted(node.value)):
        return f"{head}.{node.attr}"
    return ""


def opening(called: str, openers: set[str]) -> str | None:
    """The opener (or driver) that a call reaches: itself, or the class whose method it is."""
    if called in DRIVERS:
        return called
    return next((one for one in (called, called.rpartition(".")[0]) if one in openers), None)


def openers_of(modules: list[Module]) -> set[str]:
    """Everything that opens a connection when it is called, composition's own left out."""
    found: set[str] = set()
    while True:
        more = {
            f"{module.name}.{name}"
            for module in modules
            if module.room != COMPOSITION
            for name, calls in module.definitions.items()
            if name and any(opening(called, found) for called, _ in calls)
        }
        if more <= found:
            return found
        found |= more


def violations(modules: list[Module]) -> list[str]:
    """Each call that composition should make, with its place."""
    openers = openers_of(modules)
    room_of = {
        f"{module.name}.{name}": module.room for module in modules for name in module.definitions
    }
    found = []
    for module in modules:
        if module.room == COMPOSITION:
            continue
        for calls in module.definitions.values():
            for called, line in calls:
                opened = opening(called, openers)
                if opened is None:
                    continue
                other = room_of.get(opened)
                if other is None and module.room in ENGINE_ROOMS:
                    continue
                if other == module.room or (module.room, other) in BELOW:
                    continue
                found.append(f"{module.name}:{line} calls {called}")
    return sorted(set(found))


def test_only_composition_makes_what_opens_connections() -> None:
    files = [*(ROOT / "adapters").rglob("*.py"), *(ROOT / "migrations").rglob("*.py")]
    modules = [read(file, ROOT) for file in files]
    assert openers_of(modules), "a rule that finds nobody proves nothing"
    assert violations(modules) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import psycopg\ndef f(): psycopg.connect('x')", "psycopg.connect"),
        ("from confluent_kafka import Consumer as C\nx = C({})", "confluent_kafka.Consumer"),
        (
            "from adapters.event_log.topics import Topics\ndef f(k): return Topics(k).states([])",
            "adapters.event_log.topics.Topics",
        ),
        (
            "from functools import partial\nfrom adapters.event_log.topics import Topics\n"
            "x = partial(Topics, {})",
            "adapters.event_log.topics.Topics",
        ),
    ],
)
def test_the_rule_sees_what_it_forbids(tmp_path: Path, text: str, told: str) -> None:
    for name, content in {
        "adapters/event_log/topics.py": "from confluent_kafka.admin import AdminClient\n"
        "class Topics:\n    def __init__(self, kafka): self.admin = AdminClient(kafka)\n",
        "adapters/cli/command.py": text,
        "adapters/composition/clients.py": "from adapters.event_log.topics import Topics\n"
        "def topics(k): return Topics(k)\n",
        "adapters/cli/good.py": "from adapters.composition import clients\nclients.topics({})\n",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    modules = [read(file, tmp_path) for file in tmp_path.rglob("*.py")]
    (found,) = violations(modules)
    assert found.startswith("adapters.cli.command:")
    assert told in found
