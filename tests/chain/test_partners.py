"""Partners ask over HTTP while a rebuild, switches and rollbacks go on: no error, no mixed answer.

Each generation's rows say which one they are, by hand and in rows that nobody changes meanwhile; so
an answer whose parts, or whose `Catalog-Generation`, come from two generations is seen.
"""

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import psycopg
import pytest

from tests.chain.conftest import Note
from tests.chain.load import BASE, base, base_id, isrc
from tests.chain.loading import Load, next_seed
from tests.chain.processes import Chain
from tests.chain.size import Size
from tests.waiting import until

pytestmark = pytest.mark.integration

PARTNERS = 4
BULK = 25
TABLES = ("release", "recording", "track")


class Partner(threading.Thread):
    """Asks for one number and for many in turn; keeps what was wrong."""

    def __init__(self, address: str, seed: int, choose: random.Random) -> None:
        super().__init__(daemon=True)
        self.lookups = 0
        self.wrong: list[str] = []
        self.generations: set[str] = set()
        self._client = httpx.Client(base_url=address, timeout=30)
        self._seed = seed
        self._choose = choose
        self._stopped = threading.Event()

    def __enter__(self) -> "Partner":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self.join(60)
        self._client.close()

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._ask_one()
                self._ask_many()
            except Exception as error:
                self.wrong.append(repr(error))
                return

    def _ask_one(self) -> None:
        number = self._choose.randrange(BASE)
        answer = self._client.get(f"/v1/lookup/isrc/{isrc(self._seed, number)}?country=GB")
        if answer.status_code != 200:
            self.wrong.append(f"{answer.status_code} {answer.text}")
            return
        self._judge(number, answer.json(), answer.headers["catalog-generation"])

    def _ask_many(self) -> None:
        numbers = [self._choose.randrange(BASE) for _ in range(BULK)]
        asked = [{"scheme": "isrc", "value": isrc(self._seed, number)} for number in numbers]
        answer = self._client.post("/v1/lookups?country=GB", json={"lookups": asked})
        if answer.status_code != 200:
            self.wrong.append(f"{answer.status_code} {answer.text}")
            return
        for number, item in zip(numbers, answer.json()["items"], strict=True):
            self._judge(number, item["answer"], answer.headers["catalog-generation"])

    def _judge(self, number: int, answer: dict[str, Any], generation: str) -> None:
        """Track, recording and release of the generation that is named, and the deal."""
        self.lookups += 1
        self.generations.add(generation)
        own = base_id(self._seed, number)
        parts = [
            (match[kind]["id"], match[kind]["version_title"])
            for match in answer["matches"]
            for kind in TABLES
        ]
        (match,) = answer["matches"]
        if parts != [(own, generation)] * 3 or match["availability"]["state"] != "available":
            self.wrong.append(f"generation {generation}: {json.dumps(answer)}")


def test_no_partner_notices_a_rebuild_a_switch_or_a_rollback(
    chain: Chain, size: Size, note: Note
) -> None:
    seed = next_seed()
    _write_base(chain, seed)
    choose = random.Random(4)  # noqa: S311 - a seed that repeats
    with ExitStack() as stack:
        stack.enter_context(Load(chain, size.rate))
        stack.callback(_mark_all, chain, seed, None)  # others compare these rows as well
        _mark_all(chain, seed, "number")
        address = stack.enter_context(_served(chain))
        partners = [stack.enter_context(Partner(address, seed, choose)) for _ in range(PARTNERS)]

        def lookups() -> int:
            assert not any(partner.wrong for partner in partners), partners[0].wrong[:3]
            return sum(partner.lookups for partner in partners)

        rebuilt = json.loads(chain.catalog("rebuild", "--no-switch", "--json", codes=(0, 3)))
        _mark_all(chain, seed, "number")
        began = time.monotonic()
        chain.catalog("switch", str(rebuilt["generation"]), "--force", "--json")
        note("seconds of the switch beside them", round(time.monotonic() - began, 1))
        chain.catalog("rollback", "--json")
        turns = 2
        while lookups() < size.lookups:
            before = lookups()
            chain.catalog("rollback", "--json")
            turns += 1
            until(lambda before=before: lookups() > before, 30, "partners are answered")  # type: ignore[misc]
    note("lookups over HTTP", sum(partner.lookups for partner in partners))
    note("switches and rollbacks beside them, after a rebuild", turns)
    assert [wrong for partner in partners for wrong in partner.wrong] == []
    assert all(len(partner.generations) == 2 for partner in partners)


def _write_base(chain: Chain, seed: int) -> None:
    with psycopg.connect(chain.endpoints.master_dsn) as connection:
        for statement, values in base(seed):
            connection.execute(statement.encode(), values)
    chain.idle()


def _mark_all(chain: Chain, seed: int, value: str | None) -> None:
    """Have the rows of every generation say which one they are, or nothing again."""
    with psycopg.connect(chain.endpoints.read_dsn, autocommit=True) as connection:
        schemas = connection.execute(
            "SELECT schema_name, number FROM engine.generation"
            " WHERE read_model = 'catalog' AND phase <> 'dropped'"
        ).fetchall()
        for schema, number in schemas:
            mark = None if value is None else str(number)
            for table in TABLES:
                connection.execute(
                    f"UPDATE {schema}.{table} SET version_title = %s WHERE id LIKE %s".encode(),
                    (mark, f"chain:{seed}:%"),
                )


@contextmanager
def _served(chain: Chain) -> Iterator[str]:
    """Address of a running `catalog serve`; it must end well, and tell of no failure."""
    process = chain.popen("serve", "--port", "0")
    try:
        assert process.stderr is not None
        address = json.loads(process.stderr.readline())["address"]
        with httpx.Client(base_url=address, timeout=30) as client:
            assert client.get("/health/ready").status_code == 200
        yield address
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in said, said
