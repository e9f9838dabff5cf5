"""How an answer goes out: its validator, how long it may be kept, and compressed where that pays.

The ETag is a digest of the body. The body names the revision (partition and offset of the event) of
each row in it, so a new version of a row is a new ETag; a rebuild of the same rows is not; and an
offer that begins or ends changes it too, though no row changes then.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

CACHE_CONTROL = "private, no-cache"
"""A client may keep an answer, and must ask whether it still holds (If-None-Match) to use it."""
COMPRESS_FROM = 1024
"""Bytes below which compression doesn't pay."""

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Response:
    """What a request is answered."""

    body: bytes
    generation: int | None = None
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    is_cacheable: bool = True


def render(answer: Response, request: Mapping[bytes, bytes]) -> tuple[int, Headers, bytes]:
    """Status, headers and body for a request with these headers (names in lower case)."""
    headers: Headers = []
    if answer.generation is not None:
        headers.append((b"catalog-generation", b"%d" % answer.generation))
    headers += [(k.lower().encode(), v.encode()) for k, v in answer.headers.items()]
    if answer.status == 200 and answer.is_cacheable:
        # weak: the same answer, compressed or not
        tag = b'W/"%s"' % blake2b(answer.body, digest_size=12).hexdigest().encode()
        headers += [
            (b"etag", tag),
            (b"cache-control", CACHE_CONTROL.encode()),
            (b"vary", b"accept-encoding, authorization"),
        ]
        if _matches(request.get(b"if-none-match", b""), tag):
            return 304, headers, b""
    else:
        headers.append((b"cache-control", b"no-store"))
    body = answer.body
    headers.append((b"content-type", answer.content_type.encode()))
    if len(body) >= COMPRESS_FROM and _accepts_gzip(request.get(b"accept-encoding", b"")):
        body = gzip.compress(body, 1, mtime=0)
        headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", b"%d" % len(body)))
    return answer.status, headers, body


def _matches(asked: bytes, tag: bytes) -> bool:
    """RFC 9110, 13.1.2: weak comparison with each of a list."""
    if not asked:
        return False
    strong = tag.removeprefix(b"W/")
    listed = [one.strip() for one in asked.split(b",")]
    return b"*" in listed or any(one.removeprefix(b"W/") == strong for one in listed)


def _accepts_gzip(accepted: bytes) -> bool:
    for one in accepted.lower().split(b","):
        coding, _, weight = one.partition(b";")
        if coding.strip() in (b"gzip", b"*"):
            return weight.replace(b" ", b"").rstrip(b"0.") != b"q="
    return False
