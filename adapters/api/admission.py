"""Lets requests in: with an API key of the scope that they need, and within its rate.

A process remembers what a key may do for REMEMBER_SECONDS, so a revoked key dies within that time.
Keys that nobody has cost a statement each: an address may send so many of them and no more. Who
uses a key that works never notices, whoever shares the address.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.api.problems import Problem
from adapters.read_database.api_keys import FIND_KEY, GivenKey, parse_key
from adapters.read_database.query_pool import QueryPool

REMEMBER_SECONDS = 5.0
UNKNOWN_KEYS_RATE = 5
"""Keys per second that an address may try without success; twice as many at once."""
_KEPT = 10_000
"""Keys, and addresses, that a process remembers at most."""


@dataclass(slots=True)
class Bucket:
    """A token bucket that holds two seconds' worth."""

    rate: int
    tokens: float
    counted_at: float

    @classmethod
    def full(cls, rate: int) -> "Bucket":
        """One from which nothing was taken yet."""
        return cls(rate, 2.0 * rate, time.monotonic())

    def take(self) -> int:
        """Take a token; where there is none, whole seconds until there is one (else 0)."""
        now = time.monotonic()
        self.tokens = min(2.0 * self.rate, self.tokens + (now - self.counted_at) * self.rate)
        self.counted_at = now
        if self.tokens < 1:
            return max(1, round((1 - self.tokens) / self.rate))
        self.tokens -= 1
        return 0

    def give_back(self) -> None:
        """A token was taken without need."""
        self.tokens += 1


@dataclass(slots=True)
class _Known:
    """A key as its row said when it was read, and what it has left to ask."""

    secret_hash: bytes
    scopes: frozenset[str]
    read_at: float
    bucket: Bucket


class Admission:
    """Judges requests by their API key.

    `is_open`: who brings no key may read; what changes something needs a key always.
    """

    def __init__(self, database: QueryPool, *, is_open: bool) -> None:
        self._database = database
        self.is_open = is_open
        self._known: dict[str, _Known] = {}
        self._unknown: dict[str, Bucket] = {}

    async def admit(
        self, headers: Mapping[bytes, bytes], address: str, scope: str = "read"
    ) -> None:
        """Raises Problem: 401 without a key that works, 403 without the scope, 429 too often;
        and what `QueryPool.rows` raises."""
        given = headers.get(b"authorization")
        if given is None:
            if self.is_open and scope == "read":
                return
            raise _unauthorized("an API key is needed: Authorization: Bearer cat_…")
        kind, _, text = given.decode("latin-1").partition(" ")
        key = parse_key(text.strip(" "))
        if kind.lower() != "bearer" or key is None:
            raise _unauthorized("the Authorization header holds no API key")
        known = await self._holder(key, address)
        if known is None:
            raise _unauthorized("the API key is unknown or revoked")
        if scope not in known.scopes:
            raise Problem(403, "scope", f"the API key lacks the scope {scope!r}")
        _take(known.bucket, f"the API key may ask {known.bucket.rate} times per second")

    async def has(self, key: str, scope: str, address: str) -> bool:
        """Whether a key works and has the scope; not counted. Raises Problem (429)
        and what `QueryPool.rows` raises."""
        given = parse_key(key)
        known = None if given is None else await self._holder(given, address)
        return known is not None and scope in known.scopes

    async def _holder(self, key: GivenKey, address: str) -> _Known | None:
        known = self._known.get(key.id)
        if known is not None and key.fits(known.secret_hash):
            return await self._find(key.id)
        tried = self._tried(address)
        _take(tried, "too many unknown API keys came from this address")
        known = await self._find(key.id)
        if known is None or not key.fits(known.secret_hash):
            return None
        tried.give_back()
        return known

    def _tried(self, address: str) -> Bucket:
        found = self._unknown.get(address)
        if found is None:
            if len(self._unknown) >= _KEPT:
                self._unknown.clear()
            found = self._unknown[address] = Bucket.full(UNKNOWN_KEYS_RATE)
        return found

    async def _find(self, id_: str) -> _Known | None:
        now = time.monotonic()
        known = self._known.get(id_)
        if known is not None and now - known.read_at < REMEMBER_SECONDS:
            return known
        rows = await self._database.rows(FIND_KEY, {"id": id_})
        if not rows:
            self._known.pop(id_, None)
            return None
        secret_hash, scopes, rate = rows[0]
        bucket = known.bucket if known and known.bucket.rate == rate else Bucket.full(rate)
        if len(self._known) >= _KEPT:
            self._known.clear()
        fresh = _Known(bytes(secret_hash), frozenset(scopes), now, bucket)
        self._known[id_] = fresh
        return fresh


def _take(bucket: Bucket, detail: str) -> None:
    if seconds := bucket.take():
        raise Problem(429, "too-often", detail, {"Retry-After": str(seconds)})


def _unauthorized(detail: str) -> Problem:
    return Problem(401, "key", detail, {"WWW-Authenticate": 'Bearer realm="catalog"'})
