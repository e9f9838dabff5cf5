"""API keys as they are stored: of a key's secret only the SHA-256.

A key is `cat_<id>_<secret>`. The id finds its row. The secret is random (256 bits), so there is
nothing that a slow hash would protect.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import psycopg
from psycopg.rows import class_row

SCOPES = ("read", "operate")
_KEY = re.compile(r"cat_([0-9a-z]{12})_([0-9A-Za-z_-]{43})")

FIND_KEY = """
SELECT secret_hash, scopes, rate FROM engine.api_key
WHERE id = %(id)s AND revoked_at IS NULL
"""
"""What a key that works may do. Parameter: `id`."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret."""

    id: str
    name: str
    scopes: list[str]
    rate: int
    """Requests per second that each process answers; bursts of twice as many."""
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, repr=False)
class GivenKey:
    """A key as a client sends it."""

    id: str
    secret: str

    def fits(self, secret_hash: bytes) -> bool:
        """Whether it is the one that was stored, in a time that tells nothing."""
        return hmac.compare_digest(secret_hash, _hash(self.secret))


def parse_key(text: str) -> GivenKey | None:
    """None for what has not the form of a key."""
    match = _KEY.fullmatch(text)
    return None if match is None else GivenKey(match[1], match[2])


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
