"""API keys: who may ask, what, and how often.

A key is `cat_<id>_<secret>`. The id finds its row, and of the secret only the SHA-256 is kept: it
is random (256 bits), so there is nothing that a slow hash would protect. A process remembers what a
key may for REMEMBER_SECONDS, so a revoked key dies within that time.
"""

import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import psycopg
from psycopg.rows import class_row

from adapters.api.database import ReadDatabase
from adapters.api.problems import Problem

SCOPES = ("read", "operate")
REMEMBER_SECONDS = 5.0
DEFAULT_RATE = 100
_KEY = re.compile(r"cat_([0-9a-z]{12})_([0-9A-Za-z_-]{43})")
_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret."""

    id: str
    name: str
    scopes: list[str]
    rate: int
    """Requests a second that each process answers; bursts of twice as many."""
    created_at: datetime
    revoked_at: datetime | None


def create_key(connection: psycopg.Connection, name: str, scopes: list[str], rate: int) -> str:
    """Make a key and return it; it can't be had again."""
    id_ = "".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(12))
    secret = secrets.token_urlsafe(32)
    connection.execute(
        "INSERT INTO engine.api_key (id, name, secret_hash, scopes, rate) "
        "VALUES (%s, %s, %s, %s, %s)",
        (id_, name, _hash(secret), scopes, rate),
    )
    return f"cat_{id_}_{secret}"


def list_keys(connection: psycopg.Connection) -> list[ApiKey]:
    """All keys, oldest first."""
    with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        return cursor.execute(
            "SELECT id, name, scopes, rate, created_at, revoked_at FROM engine.api_key "
            "ORDER BY created_at, id"
        ).fetchall()


def revoke_key(connection: psycopg.Connection, id_: str) -> bool:
    """End a key; False where there is none of that id that still works."""
    done = connection.execute(
        "UPDATE engine.api_key SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL", (id_,)
    )
    return done.rowcount == 1


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


@dataclass(slots=True)
class _Known:
    """A key as its row said at a moment, and what it has left to ask."""

    secret_hash: bytes
    scopes: frozenset[str]
    rate: int
    read_at: float
    tokens: float
    counted_at: float


class Gate:
    """Lets requests in: with a key of the scope that they need, and within its rate.

    `is_open`: who brings no key may read; what changes state needs a key always.
    """

    def __init__(self, database: ReadDatabase, *, is_open: bool) -> None:
        self._database = database
        self._is_open = is_open
        self._known: dict[str, _Known] = {}

    async def admit(self, headers: Mapping[bytes, bytes], scope: str = "read") -> None:
        """Raises Problem: 401 without a key that works, 403 without the scope, 429 too often."""
        given = headers.get(b"authorization")
        if given is None:
            if self._is_open and scope == "read":
                return
            raise _unauthorized("an API key is needed: Authorization: Bearer cat_…")
        kind, _, key = given.decode("latin-1").partition(" ")
        match = _KEY.fullmatch(key.strip())
        if kind.lower() != "bearer" or match is None:
            raise _unauthorized("the Authorization header holds no API key")
        known = await self._holder(match)
        if known is None:
            raise _unauthorized("the API key is unknown or revoked")
        if scope not in known.scopes:
            raise Problem(403, "scope", "The API key may not do this", f"it lacks {scope!r}")
        _count(known)

    async def has(self, key: str, scope: str) -> bool:
        """Whether a key works and has the scope; not counted. Raises Problem (503)."""
        match = _KEY.fullmatch(key)
        known = await self._holder(match) if match else None
        return known is not None and scope in known.scopes

    async def _holder(self, key: re.Match[str]) -> _Known | None:
        known = await self._find(key[1])
        if known is None or not hmac.compare_digest(known.secret_hash, _hash(key[2])):
            return None
        return known

    async def _find(self, id_: str) -> _Known | None:
        now = time.monotonic()
        known = self._known.get(id_)
        if known is not None and now - known.read_at < REMEMBER_SECONDS:
            return known
        rows = await self._database.rows(
            "SELECT secret_hash, scopes, rate FROM engine.api_key "
            "WHERE id = %(id)s AND revoked_at IS NULL",
            {"id": id_},
        )
        if not rows:
            self._known.pop(id_, None)
            return None
        secret_hash, scopes, rate = rows[0]
        tokens, counted = (known.tokens, known.counted_at) if known else (2.0 * rate, now)
        if len(self._known) >= _KEPT:
            self._known.clear()
        fresh = _Known(bytes(secret_hash), frozenset(scopes), rate, now, tokens, counted)
        self._known[id_] = fresh
        return fresh


def _count(known: _Known) -> None:
    """A token bucket that holds two seconds' worth."""
    now = time.monotonic()
    earned = (now - known.counted_at) * known.rate
    known.tokens = min(2.0 * known.rate, known.tokens + earned)
    known.counted_at = now
    if known.tokens < 1:
        seconds = max(1, round((1 - known.tokens) / known.rate))
        raise Problem(
            429,
            "too-often",
            "The API key asks too often",
            f"it may ask {known.rate} times a second",
            {"Retry-After": str(seconds)},
        )
    known.tokens -= 1


def _unauthorized(detail: str) -> Problem:
    return Problem(
        401, "key", "An API key is needed", detail, {"WWW-Authenticate": 'Bearer realm="catalog"'}
    )
