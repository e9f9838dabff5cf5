"""Cursors of pages: opaque to clients, and bound to the query that they come from."""

import binascii
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

import msgspec

from adapters.api.problems import Problem, bad_parameter
from domain.identifiers import is_text

T = TypeVar("T")


def write_cursor(position: object, query: tuple[object, ...]) -> str:
    """Where the next page begins, for pages of this query."""
    packed = msgspec.msgpack.encode((_check(query), position))
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def read_cursor(cursor: str, query: tuple[object, ...], kind: type[T]) -> T:
    """Raises Problem for a cursor that isn't ours, or comes from another query."""
    try:
        packed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        check, position = msgspec.msgpack.decode(packed, type=tuple[int, kind])  # type: ignore[valid-type]
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise not_ours() from None
    if check != _check(query):
        raise bad_parameter("cursor: it comes from a page of another query")
    if isinstance(position, str) and not is_text(position):
        raise not_ours()
    return position


def not_ours() -> Problem:
    """A cursor that someone made up: its check is no secret, so what it holds is judged too."""
    return bad_parameter("cursor: it is none that a page has given")


def _check(query: tuple[object, ...]) -> int:
    return zlib.crc32(repr(query).encode())
