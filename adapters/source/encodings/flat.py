"""Flat rows: what Debezium's transform ExtractNewRecordState leaves of a record.

The value is the row itself. With `add.fields` stand beside its columns, with `__` before their
names, what of the envelope was asked for: `__op`, `__table`, `__source_ts_ms` (a struct's field is
named with it), `__lsn`. With `delete.tombstone.handling.mode=rewrite` each row has `__deleted`, and
a removed row comes as it was; else nothing but a tombstone tells of a removal.

Source: Debezium, "New Record State Extraction".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.capture.source import Source
from adapters.source.encodings.decoded import Decoded, Envelope, source_of
from projections.ports.change_reader import NoPosition

_PREFIX = "__"
_SOURCE = tuple(field.encode_name for field in msgspec.structs.fields(Source))
_NOTHING = Source(connector="", ts_ms=0)
_POSITIONS: Mapping[str, str] = {
    "postgresql": "sequence",
    "mariadb": "gtid,file,pos,row",
    "mysql": "gtid,file,pos,row",
    "sqlserver": "commit_lsn,change_lsn,event_serial_no",
    "db2": "commit_lsn,change_lsn",
    "oracle": "txId,commit_scn,scn,rs_id,ssn",
}


def opened(decoded: Decoded, *, is_exactly_once: bool) -> Envelope:
    """A flat row as an envelope; without an operation of its own it is what the row now is.

    Raises NoPosition for one that doesn't say enough to be taken in exactly once.
    """
    fields = decoded.fields
    is_removed = str(fields.get("__deleted", "false")).lower() == "true"
    op = "d" if is_removed else str(fields.get("__op") or "r")
    source = _source(fields)
    if is_exactly_once:
        _refuse_untold(fields, source)
    row = {name: value for name, value in fields.items() if not name.startswith(_PREFIX)}
    before, after = (row, None) if op == "d" else (None, row)
    return Envelope(op, before, after, source or _NOTHING, decoded.schema, is_flat=True)


def _source(fields: Mapping[str, Any]) -> Source | None:
    found = {}
    for name in _SOURCE:
        for key in (f"__source_{name}", f"__{name}"):
            if fields.get(key) is not None:
                found[name] = fields[key]
                break
    if not {"connector", "ts_ms"} <= found.keys():
        return None
    return source_of(found)


def _refuse_untold(fields: Mapping[str, Any], source: Source | None) -> None:
    named = _POSITIONS.get("" if source is None else source.connector, "sequence")
    # PostgreSQL's own lsn isn't in the order of commits
    told = source is not None and (source.connector != "postgresql" or source.sequence is not None)
    if told and "__op" in fields and "__deleted" in fields:
        return
    raise NoPosition(
        "it looks like a flat row (ExtractNewRecordState), which doesn't say where in its source's"
        " log it stands or whether it is gone: set on the transform"
        f" add.fields=op,table,connector,source.ts_ms,{named} and"
        " delete.tombstone.handling.mode=rewrite, or take the transform off; or set"
        " exactly_once = false in source.toml, which takes rows and tombstones as they come"
    )
