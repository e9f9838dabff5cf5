"""Confluent's wire format, and Avro's variable-length integers that encoder and decoder share.

A record's value is 0x00, the schema's id (4 bytes, big-endian), and the Avro body.
"""

from typing import Protocol

from domain.failures import Misconfigured, Unusable

HEADER_SIZE = 5


class SchemaIds(Protocol):
    """Knows under which id a schema is registered."""

    def schema_id(self, subject: str, text: str) -> int:
        """Id of a registered schema. Raises NotRegistered, Unavailable."""
        ...


class SchemaTexts(Protocol):
    """Knows which schema an id stands for."""

    def schema_text(self, schema_id: int) -> str:
        """Text of a registered schema. Raises UnknownSchemaId, Unavailable."""
        ...


class NotRegistered(Misconfigured):
    """A writer's schema is not in the registry; nothing is registered silently."""


class UnknownSchemaId(Unusable):
    """The registry holds no schema of that id."""


def header(schema_id: int) -> bytes:
    """Return the five bytes before the body."""
    return b"\x00" + schema_id.to_bytes(4, "big")


def format_error(value: bytes | None) -> str | None:
    """Say why a value is not in the wire format, or None where it is."""
    if value is None:
        return "no value (tombstone): event topics have none"
    if len(value) < HEADER_SIZE or value[0] != 0:
        return "not in Confluent's wire format (0x00, 4 bytes of schema id, Avro body)"
    if value[1] & 0x80:
        return "not in Confluent's wire format: ids of schemas are positive numbers of 31 bits"
    return None


def schema_id_of(prefix: bytes) -> int:
    """Id in the first five bytes of a value."""
    return int.from_bytes(prefix[1:HEADER_SIZE], "big")


def varint(number: int) -> bytes:
    """Avro `long`: zigzag, then seven bits a byte, least significant first.

    Raises:
        ValueError: the number needs more than 64 bits.
    """
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(f"{number} does not fit in 64 bits")
    rest = (number << 1) ^ (number >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)
