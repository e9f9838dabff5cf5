"""Whether two versions of a contract can stand beside each other in one topic for ever.

FULL compatibility: each of the two must read what the other wrote, by the rules of Avro 1.12,
"Schema Resolution". It is judged here, without a registry, so that a change that breaks a contract
fails the tests of whoever makes it, with the field and the reason; the registry's verdict then is
no news. Stricter than Avro in one point: a logical type may not change, because the bytes would
still be read, as something else (milliseconds as microseconds).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_PROMOTIONS = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}
"""Writer's type → the reader's types that can take it."""
_LOGICAL = ("logicalType", "precision", "scale")


@dataclass(frozen=True, slots=True)
class Incompatibility:
    """One reason why two versions cannot both read each other."""

    field: str
    """Path of the field: `prices[].amount`; the record's name for the record itself."""
    reason: str

    def __str__(self) -> str:
        """Render as `field: reason`."""
        return f"{self.field}: {self.reason}"


def incompatibilities(old: Any, new: Any) -> list[Incompatibility]:
    """Why `new` may not follow `old`; empty when each reads the other's data.

    Arguments are parsed Avro schemas (records, usually).
    """
    top = new["name"] if isinstance(new, dict) and "name" in new else "schema"
    forward = _Comparison(writer=new, reader=old, reader_is_new=False)
    backward = _Comparison(writer=old, reader=new, reader_is_new=True)
    found = [*backward.differences(top), *forward.differences(top)]
    return list(dict.fromkeys(found))


class _Comparison:
    """One direction: can `reader` read what `writer` wrote? Differences are worded as old → new."""

    def __init__(self, *, writer: Any, reader: Any, reader_is_new: bool) -> None:
        self._writer, self._reader = writer, reader
        self._reader_is_new = reader_is_new
        self._writer_types, self._reader_types = dict(_named(writer)), dict(_named(reader))
        self._seen: set[tuple[str, str]] = set()

    def differences(self, top: str) -> Iterator[Incompatibility]:
        yield from self._compare(self._writer, self._reader, "", top)

    def _compare(self, writer: Any, reader: Any, path: str, top: str) -> Iterator[Incompatibility]:
        writer = self._writer_types.get(writer, writer) if isinstance(writer, str) else writer
        reader = self._reader_types.get(reader, reader) if isinstance(reader, str) else reader
        where = path or top
        if isinstance(writer, list):
            for branch in writer:
                yield from self._compare(branch, reader, path, top)
        elif isinstance(reader, list):
            yield from self._into_union(writer, reader, path, top)
        elif _kind(writer) != _kind(reader):
            promoted = _kind(reader) in _PROMOTIONS.get(_kind(writer), ())
            if not promoted or _logical(writer) != _logical(reader):
                yield self._changed(where, "type", _show(writer), _show(reader))
        elif _logical(writer) != _logical(reader):
            yield self._changed(where, "logical type", _show(writer), _show(reader))
        elif isinstance(writer, dict):
            yield from self._complex(writer, reader, path, top)

    def _complex(
        self, writer: dict[str, Any], reader: Any, path: str, top: str
    ) -> Iterator[Incompatibility]:
        where, kind = path or top, writer["type"]
        if kind in ("record", "enum", "fixed") and _short(writer) != _short(reader):
            yield self._changed(where, "name", _short(writer), _short(reader))
        elif kind == "record":
            yield from self._records(writer, reader, path, top)
        elif kind == "enum":
            missing = sorted(set(writer["symbols"]) - set(reader["symbols"]))
            if missing and "default" not in reader:
                verb = "removed" if self._reader_is_new else "added"
                yield Incompatibility(where, f"symbols {verb} without a default: {missing}")
        elif kind == "fixed" and writer["size"] != reader["size"]:
            yield self._changed(where, "size", str(writer["size"]), str(reader["size"]))
        elif kind == "array":
            yield from self._compare(writer["items"], reader["items"], f"{path}[]", top)
        elif kind == "map":
            yield from self._compare(writer["values"], reader["values"], f"{path}{{}}", top)

    def _into_union(
        self, writer: Any, reader: list[Any], path: str, top: str
    ) -> Iterator[Incompatibility]:
        attempts = [list(self._compare(writer, branch, path, top)) for branch in reader]
        if not attempts:
            yield self._changed(path or top, "type", _show(writer), "an empty union")
        elif all(attempts):
            closest = max(range(len(reader)), key=lambda at: self._likeness(writer, reader[at]))
            if self._likeness(writer, reader[closest]):
                yield from attempts[closest]
            else:
                yield self._changed(path or top, "type", _show(writer), _show(reader))

    def _likeness(self, writer: Any, branch: Any) -> int:
        """How much a union's branch looks like what the writer's type should have become."""
        branch = self._reader_types.get(branch, branch) if isinstance(branch, str) else branch
        if _kind(branch) != _kind(writer):
            return 0
        has_name = isinstance(writer, dict) and "name" in writer
        return 2 if has_name and _short(writer) == _short(branch) else 1

    def _records(self, writer: Any, reader: Any, path: str, top: str) -> Iterator[Incompatibility]:
        pair = (writer["name"], reader["name"])
        if pair in self._seen:  # a record that holds itself
            return
        self._seen.add(pair)
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            inner = f"{path}.{field['name']}" if path else field["name"]
            names = [field["name"], *field.get("aliases", ())]
            source = next((written[name] for name in names if name in written), None)
            if source is not None:
                yield from self._compare(source["type"], field["type"], inner, top)
            elif "default" not in field:
                verb = "added" if self._reader_is_new else "removed"
                yield Incompatibility(inner, f"{verb} without a default")
        self._seen.discard(pair)

    def _changed(self, where: str, what: str, writer: str, reader: str) -> Incompatibility:
        old, new = (writer, reader) if self._reader_is_new else (reader, writer)
        return Incompatibility(where, f"{what} changed from {old} to {new}")


def _kind(schema: Any) -> str:
    while isinstance(schema, dict):
        schema = schema["type"]
    return "union" if isinstance(schema, list) else str(schema)


def _logical(schema: Any) -> tuple[Any, ...]:
    return tuple(schema.get(key) for key in _LOGICAL) if isinstance(schema, dict) else (None,) * 3


def _short(schema: Any) -> str:
    return str(schema["name"]).rpartition(".")[2]


def _show(schema: Any) -> str:
    if isinstance(schema, list):
        return "[" + ", ".join(map(_show, schema)) + "]"
    logical = [str(part) for part in _logical(schema) if part is not None]
    return _kind(schema) + (f" ({' '.join(logical)})" if logical else "")


def _named(schema: Any, namespace: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the named types that a schema defines, by short and full name."""
    if isinstance(schema, list):
        for branch in schema:
            yield from _named(branch, namespace)
    elif isinstance(schema, dict):
        if schema["type"] in ("record", "enum", "fixed"):
            within, _, short = str(schema["name"]).rpartition(".")
            namespace = within or schema.get("namespace", namespace)
            yield short, schema
            yield f"{namespace}.{short}", schema
        for inner in (schema["type"], schema.get("items"), schema.get("values")):
            if isinstance(inner, dict | list):
                yield from _named(inner, namespace)
        for field in schema.get("fields", ()):
            yield from _named(field["type"], namespace)
