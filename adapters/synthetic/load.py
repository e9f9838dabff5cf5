"""A steady load on the master: small transactions that update, insert and delete.

It changes rows that are there, whoever wrote them, as an editor would, and removes only what it
added itself. What it does is decided by the seed; when, by the clock.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg

from domain.failures import WrongUsage

_LARGEST_TRANSACTION = 5
_CANDIDATES = 20_000
"""Existing rows of a table that are changed at all."""
_UPDATE = {
    "track": "UPDATE track SET popularity = %(share)s, updated_at = now() WHERE id = %(id)s",
    "release": (
        "UPDATE release SET tags = ARRAY['load', %(word)s], updated_at = now() WHERE id = %(id)s"
    ),
    "deal": (
        "UPDATE deal SET prices = jsonb_build_array(jsonb_build_object('amount', %(amount)s::text,"
        " 'currency', 'EUR', 'kind', 'retail')), updated_at = now() WHERE id = %(id)s"
    ),
}
_INSERT = {
    "track": (
        "INSERT INTO track (id, recording_id, track_number, title, display_artist, kind,"
        " popularity) VALUES (%(id)s, %(id)s, 1, %(word)s, 'Synthetic Load', 'Audio', %(share)s)"
    ),
    "identifier": (
        "INSERT INTO identifier (id, owner_type, owner_id, scheme, value_raw, value, is_valid)"
        " VALUES (%(id)s, 'recording', %(id)s, 'proprietary', %(word)s, %(word)s, true)"
    ),
}


@dataclass(frozen=True)
class LoadPlan:
    """How many changes per second, for how long, and which."""

    rate: float
    seconds: float
    seed: int


@dataclass
class _Changes:
    """Draws the next change; keeps what was added, so that it can be removed."""

    choose: random.Random
    prefix: str
    existing: dict[str, list[str]]
    added: list[tuple[str, str]] = field(default_factory=list)
    number: int = 0

    def next(self) -> tuple[str, str, dict[str, object]]:
        """Kind of change, statement, parameters."""
        self.number += 1
        drawn = self.choose.random()
        share = round(self.choose.random(), 6)
        values: dict[str, object] = {
            "word": f"{self.prefix}{self.number}",
            "share": share,
            "amount": f"{self.choose.randrange(69, 1500) / 100:.2f}",
        }
        if drawn < 0.15 and self.added:
            table, row = self.added.pop(self.choose.randrange(len(self.added)))
            return f"{table} deleted", f"DELETE FROM {table} WHERE id = %(id)s", {"id": row}
        if drawn < 0.3 or not self.existing:
            table = self.choose.choice(list(_INSERT))
            row = f"{self.prefix}{self.number}"
            self.added.append((table, row))
            return f"{table} inserted", _INSERT[table], values | {"id": row}
        table = self.choose.choice(list(self.existing))
        row = self.choose.choice(self.existing[table])
        return f"{table} updated", _UPDATE[table], values | {"id": row}


def run_load(
    master: psycopg.Connection,
    plan: LoadPlan,
    report: Callable[[int], None] = lambda changes: None,
    wait: Callable[[float], None] = time.sleep,
) -> Counter[str]:
    """Make rate × seconds changes; returns how many of each kind, such as `track updated`.

    Falling behind, it goes on without pauses until all are made. Raises WrongUsage when a former
    load of this seed left rows.
    """
    done: Counter[str] = Counter()
    wanted = round(plan.rate * plan.seconds)
    changes = _Changes(
        random.Random(plan.seed),  # noqa: S311 - test data
        _free_prefix(master, plan.seed),
        _existing(master),
    )
    began = time.monotonic()
    made = 0
    while made < wanted:
        size = min(1 + changes.choose.randrange(_LARGEST_TRANSACTION), wanted - made)
        due = began + made / plan.rate - time.monotonic()
        if due > 0:
            wait(due)
        _transact(master, [changes.next() for _ in range(size)], done)
        made += size
        report(made)
    return done


def _transact(
    connection: psycopg.Connection,
    changes: Sequence[tuple[str, str, dict[str, object]]],
    done: Counter[str],
) -> None:
    with connection.transaction():
        for kind, statement, values in changes:
            connection.execute(statement.encode(), values)
            done[kind] += 1


def _existing(connection: psycopg.Connection) -> dict[str, list[str]]:
    found = {
        table: [
            row
            for (row,) in connection.execute(
                f"SELECT id FROM {table} ORDER BY id LIMIT {_CANDIDATES}".encode()
            )
        ]
        for table in _UPDATE
    }
    return {table: ids for table, ids in found.items() if ids}


def _free_prefix(connection: psycopg.Connection, seed: int) -> str:
    """Prefix of the ids of added rows."""
    prefix = f"syn:load:{seed}:"
    row = connection.execute(
        "SELECT id FROM track WHERE id LIKE %(p)s UNION ALL SELECT id FROM identifier"
        " WHERE id LIKE %(p)s LIMIT 1",
        {"p": prefix + "%"},
    ).fetchone()
    if row is not None:
        raise WrongUsage(
            f"a former load of seed {seed} left rows in the master ({row[0]}): give another --seed"
        )
    return prefix
