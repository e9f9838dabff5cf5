"""What is done to bytes and to JSON values to make them odd."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from adapters.capture.unavailable import UNAVAILABLE

DEEP = "@deep@"
"""Stands in a JSON value for arrays within arrays, deeper than Python's stack."""
_DEPTH = 1_500

ODD: Sequence[Any] = (
    None, True, False, 0, -1, 1.5, 1e308, 2**31, 2**63 - 1, -(2**63), 2**63, 10**40, -(10**400),
    9223372036825200000, -9223372036832400000,
    "", " ", "x" * 9_000, "\0", "a\0b", "\ud800", "\udcff", "\u2028", "ÿ", "😀", DEEP,
    "infinity", "-infinity", "NaN", "1e999999999", "-0", "0x10", "1_0", "١٢", "null", "true",
    "9999-12-31T23:59:59Z", "10000-01-01", "-0044-03-15", "0001-01-01T00:00:00+23:59", "20260101",
    "9999-12-31T23:59:59.9999999-18:00", "2026-13-01", "2026-01-01T24:00:00Z", "AJY=", "{}", "[]",
    UNAVAILABLE, "PermanentDownload", "purged", "[Ljava.lang.String;@1b2c3d",
    [], {}, [[]], [None], [""], ["a", 1], [UNAVAILABLE], [[["x"]]],
    {"scale": 10**18, "value": "AJY="}, {"scale": -(10**6), "value": "AJY="}, {"value": "?"},
    {"amount": "1e400"}, [{"amount": 1e-300}], [{"amount": "1", "currency": 1}],
)  # fmt: skip
_TOKENS = (
    b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b'"', b"'", b"<", b">", b"&", b"{", b"}", b"[", b"]",
    b",", b":", b"\\", b"\r", b"\n", b"\\u0000", b"\\ud800", b"9" * 400, b"-1", b"1e999", b"null",
    b"]]>", b"<!--", b"&#0;", b"\xef\xbb\xbf", b"\xff\xfe", b"[" * _DEPTH, b"x" * 5_000,
)  # fmt: skip


def damaged(chance: Random, data: bytes, most: int = 4) -> bytes:
    """Some bytes of `data` changed, cut, doubled, moved or put in."""
    out = bytearray(data)
    for _ in range(chance.randint(1, most)):
        at, end = sorted(chance.randint(0, len(out)) for _ in range(2))
        end = min(end, at + chance.choice((1, 1, 2, 8, 64, len(out))))
        match chance.randrange(6):
            case 0 if out:
                out[min(at, len(out) - 1)] = chance.randrange(256)
            case 1:
                del out[at:end]
            case 2:
                out[at:at] = out[at:end]
            case 3:
                out[at:at] = chance.choice(_TOKENS)
            case 4:
                del out[at:]
            case _:
                out[at:end] = chance.randbytes(end - at)
    return bytes(out)


def altered(chance: Random, value: Any, most: int = 3) -> Any:
    """Some places of a JSON value replaced, left out, renamed, wrapped or doubled."""
    for _ in range(chance.randint(1, most)):
        value = _altered_once(chance, value)
    return value


def _altered_once(chance: Random, value: Any) -> Any:
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(list(value))
        copy = dict(value)
        if chance.random() < 0.1:
            del copy[name]
        elif chance.random() < 0.1:
            copy[str(chance.choice(("id", "op", "table", "x", "")))] = copy.pop(name)
        else:
            copy[name] = _altered_once(chance, value[name])
        return copy
    if isinstance(value, list) and value and chance.random() < 0.7:
        at = chance.randrange(len(value))
        return [*value[:at], _altered_once(chance, value[at]), *value[at + 1 :]]
    wrap: Callable[[Any], Any] = chance.choice(
        (lambda _: chance.choice(ODD),) * 5
        + (lambda v: [v], lambda v: [v, v], lambda v: {"payload": v}, json.dumps)
    )
    return wrap(value)


def as_json(value: Any) -> bytes:
    """A value as a record holds it; lone surrogates as escapes, `DEEP` as what it stands for."""
    deep = "[" * _DEPTH + "]" * _DEPTH
    return json.dumps(value).replace(json.dumps(DEEP), deep).encode()
