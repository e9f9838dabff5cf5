"""Avro object-container blocks made of single record bodies, for polars to decode as columns.

polars knows container files only. A file with one uncompressed block is a header, the number of
records, their size, the bodies one after another, and the sync marker: so a batch becomes columns
at the cost of joining its bytes (Avro 1.12, "Object Container Files").
"""

import io
import json
from collections.abc import Sequence
from typing import Any

import polars as pl

from adapters.event_log.avro.wire import varint

_SYNC = b"catalog-projects"  # any 16 bytes
DECODING_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What `read_block` raises on bytes that are not what the schema says."""


def container_header(schema: Any) -> bytes:
    """Return the header of a container file of this schema."""
    text = json.dumps(schema).encode()
    metadata = {b"avro.schema": text, b"avro.codec": b"null"}
    parts = [b"Obj\x01", varint(len(metadata))]
    for key, value in metadata.items():
        parts += [varint(len(key)), key, varint(len(value)), value]
    return b"".join([*parts, b"\x00", _SYNC])


def read_block(header: bytes, bodies: Sequence[bytes], columns: list[str]) -> pl.DataFrame:
    """Decode these columns of record bodies, one row each: half of an event takes half the time.

    Only safe where every body is whole: a truncated or padded one shifts those after it.

    Raises:
        DECODING_ERRORS: the bytes break the schema.
    """
    size = sum(map(len, bodies))
    return pl.read_avro(
        io.BytesIO(b"".join([header, varint(len(bodies)), varint(size), *bodies, _SYNC])),
        columns=columns,
    )
