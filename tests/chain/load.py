"""A load on the master: `python -m tests.chain.load RATE SEED`, until SIGTERM.

Small transactions over several tables: rows come, change, go, and come again under the same id.
The base rows are never removed, so a reader must always find them. A database that goes away is
waited for. Prints what it did as JSON.
"""

import json
import random
import sys
import time
from collections.abc import Iterator
from threading import Event

import psycopg

from adapters.cli.interruption import stopping
from adapters.composition.endpoints import resolve_endpoints
from adapters.composition.settings import load_settings

BASE = 50
"""Releases that are never removed, each with one track."""
CHURNING = 200
"""Ids that come and go."""
Statement = tuple[str, tuple[object, ...]]


def isrc(seed: int, number: int) -> str:
    """ISRC of a base track."""
    return f"QZ{seed // 10_000 % 1000:03d}{seed // 100 % 100:02d}{seed % 100:02d}{number:03d}"


def base_id(seed: int, number: int) -> str:
    """Id of a base release, recording and track."""
    return f"chain:{seed}:{number}"


def base(seed: int) -> Iterator[Statement]:
    """The rows that stay."""
    for number in range(BASE):
        own = base_id(seed, number)
        yield ("INSERT INTO release (id, title, status) VALUES (%s, 'R', 'active')", (own,))
        yield (
            "INSERT INTO deal (id, release_id, use_type, territories, prices) VALUES"
            " (%s, %s, 'OnDemandStream', '{GB}', '[{\"amount\": \"1.00\"}]')",
            (own, own),
        )
        yield from _track(own, own, isrc(seed, number))


def _track(own: str, release: str, number: str) -> Iterator[Statement]:
    yield ("INSERT INTO recording (id, title) VALUES (%s, 'C')", (own,))
    yield (
        "INSERT INTO track (id, release_id, recording_id, title) VALUES (%s, %s, %s, 'T')",
        (own, release, own),
    )
    yield (
        "INSERT INTO identifier (id, owner_type, owner_id, scheme, value_raw, value, is_valid)"
        " VALUES (%s, 'recording', %s, 'isrc', %s, %s, true)",
        (own, own, number, number),
    )


def transactions(seed: int) -> Iterator[list[Statement]]:
    """Endless changes, those of one transaction together; each statement changes one row."""
    choose = random.Random(seed)  # noqa: S311 - a seed that repeats
    there: set[int] = set()
    while True:
        statements: list[Statement] = []
        for _ in range(choose.randint(1, 3)):
            number = choose.randrange(CHURNING)
            own = f"chain:{seed}:churn:{number}"
            if choose.random() < 0.5:
                statements.append(_update(choose, base_id(seed, choose.randrange(BASE))))
            elif number in there:
                there.discard(number)
                statements += [
                    (f"DELETE FROM {table} WHERE id = %s", (own,))
                    for table in ("identifier", "track", "recording")
                ]
            else:
                there.add(number)
                release = base_id(seed, choose.randrange(BASE))
                statements += _track(own, release, isrc(seed, BASE + number))
        yield statements


def _update(choose: random.Random, own: str) -> Statement:
    word = f"{choose.getrandbits(60):x}"
    use = choose.choice(("OnDemandStream", "NonInteractiveStream", "PermanentDownload"))
    price = json.dumps([{"amount": f"{choose.randrange(100, 2000) / 100:.2f}", "currency": "EUR"}])
    return choose.choice(
        (
            ("UPDATE release SET title = %s WHERE id = %s", (word, own)),
            ("UPDATE track SET title = %s, popularity = %s WHERE id = %s", (word, 0.5, own)),
            ("UPDATE recording SET duration_ms = %s WHERE id = %s", (choose.getrandbits(20), own)),
            ("UPDATE deal SET use_type = %s, prices = %s WHERE id = %s", (use, price, own)),
        )
    )


def _commit(dsn: str, statements: list[Statement]) -> None:
    with psycopg.connect(dsn) as connection:
        for statement, values in statements:
            connection.execute(statement.encode(), values)


def _change(
    dsn: str, connection: psycopg.Connection | None, statements: list[Statement]
) -> psycopg.Connection | None:
    """One transaction; returns the connection for the next one, None where it is gone."""
    try:
        connection = connection or psycopg.connect(dsn, autocommit=True)
        with connection.transaction():
            for statement, values in statements:
                connection.execute(statement.encode(), values)
    except psycopg.errors.UniqueViolation:
        return connection  # its rows came with a commit whose answer was lost
    except psycopg.OperationalError:
        return None
    return connection


def main() -> None:
    """Write base rows, say `ready`, then load at RATE changes per second until told to stop."""
    rate, seed = float(sys.argv[1]), int(sys.argv[2])
    stop = Event()
    dsn = resolve_endpoints(load_settings()).master_dsn
    with stopping(stop):
        _commit(dsn, list(base(seed)))
        print("ready", flush=True)
        began = time.monotonic()
        changes = 0
        connection: psycopg.Connection | None = None
        for statements in transactions(seed):
            if stop.wait(max(0.0, began + changes / rate - time.monotonic())):
                break
            connection = _change(dsn, connection, statements)
            changes += len(statements)
    print(json.dumps({"changes": changes, "seconds": time.monotonic() - began}), flush=True)


if __name__ == "__main__":
    main()
