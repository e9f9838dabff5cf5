"""Keys of records: asked for only where nothing else says which row a record is of.

They come as JSON, with and without their schema, as Avro, as a bare value where the key is one
column (a transform took it out), and as `Struct{id=7,part=2}`, which is what StringConverter makes
of Kafka Connect's structs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from adapters.source.encodings import json
from adapters.source.encodings.avro import MAGIC, AvroReader
from adapters.source.encodings.decoded import Fields
from projections.ports.change_reader import Undecodable

_STRUCT = re.compile(r"Struct\{(.*)\}", re.DOTALL)


def fields_of(key: bytes | None, columns: Sequence[str], avro: AvroReader) -> Fields:
    """Column → value of a key. Raises Undecodable, and what reading Avro raises."""
    if key is None:
        raise Undecodable("the record has neither a value nor a key")
    if key.startswith(MAGIC):
        content: Any = avro.anything(key)[0]
    else:
        content = _text(key, columns)
    if isinstance(content, dict):
        return content
    if len(columns) != 1:
        raise Undecodable(f"the key is {str(content)[:80]!r}, not of {', '.join(columns)}")
    return {columns[0]: content}


def _text(key: bytes, columns: Sequence[str]) -> Any:
    if key[:1] in (b"{", b'"'):
        return json.scalar(key)[0]
    try:
        text = key.decode()
    except UnicodeDecodeError:
        raise Undecodable("the key is neither JSON, Avro nor text") from None
    if (struct := _STRUCT.fullmatch(text)) is not None:
        return _members(struct[1], columns)
    return text


def _members(text: str, columns: Sequence[str]) -> dict[str, str]:
    """Of `a=1,b=x, y`: a comma parts members only where a column's name follows."""
    names = "|".join(re.escape(c) for c in sorted(columns, key=len, reverse=True))
    found = re.split(rf"(?:^|,)({names})=", text, flags=re.IGNORECASE)
    return dict(zip(found[1::2], found[2::2], strict=True))
