"""A house's own master: the tutorial's, in a second database, and what happens to it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from adapters.composition.endpoints import Endpoints

FOLDER = Path(__file__).parents[2] / "docs" / "tutorial" / "own-master"
MAPPINGS = FOLDER / "house"
SCHEMA = "musicbrainz"


@contextmanager
def house(endpoints: Endpoints) -> Iterator[str]:
    """DSN of a database with the tutorial's foreign master."""
    with psycopg.connect(endpoints.master_dsn, autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS house WITH (FORCE)")
        server.execute("CREATE DATABASE house")
    parts = urlsplit(endpoints.master_dsn)
    dsn = parts._replace(path="/house", query="").geturl()
    with psycopg.connect(dsn) as connection:
        connection.execute((FOLDER / "house.sql").read_text(encoding="utf-8").encode())
    yield dsn
    with psycopg.connect(endpoints.master_dsn, autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS house WITH (FORCE)")


class Happenings:
    """Random transactions on it, the same for the same seed."""

    def __init__(self, dsn: str, seed: int) -> None:
        self._dsn = dsn
        self._choose = random.Random(seed)  # noqa: S311 - a seed that repeats
        self._new = 500_000 + seed % 1000 * 1000

    def transact(self, transactions: int) -> None:
        """Commit so many transactions of one to five changes each."""
        with psycopg.connect(self._dsn, options=f"-c search_path={SCHEMA}") as connection:
            for _ in range(transactions):
                for _ in range(self._choose.randint(1, 5)):
                    for statement in self._change():
                        connection.execute(statement.encode())
                connection.commit()

    def _change(self) -> list[str]:
        draw = self._choose.randint
        a, b = draw(1, 100), draw(1, 100)
        self._new += 1
        new = self._new
        return self._choose.choice(
            [
                [f"UPDATE artist_credit SET name = 'Renamed {new}' WHERE id = {draw(1, 60)}"],
                [f"UPDATE medium SET release = {a} WHERE id = {draw(1, 150)}"],
                [
                    f"UPDATE release x SET barcode = y.barcode FROM release y"
                    f" WHERE (x.id, y.id) IN (({a}, {b}), ({b}, {a}))"
                ],
                [f"UPDATE track SET position = position + 1 WHERE medium = {draw(1, 150)}"],
                [f"DELETE FROM track WHERE id = {draw(1, 1500)}"],
                [f"DELETE FROM isrc WHERE id = {draw(1, 1300)}"],
                [f"UPDATE isrc SET id = {new} WHERE id = {draw(1, 1300)}"],
                [f"UPDATE offer SET price = price + 1 WHERE release = {a}"],
                [f"DELETE FROM offer WHERE id = {draw(1, 200)}"],
                [f"UPDATE release_label SET label = {draw(1, 12)} WHERE release = {a}"],
                [
                    f"INSERT INTO release VALUES ({new}, gen_random_uuid(), 'New {new}',"
                    f" {draw(1, 60)})",
                    f"INSERT INTO medium VALUES ({new}, {new}, 1)",
                    f"INSERT INTO track VALUES ({new}, gen_random_uuid(), {draw(1, 1300)}, {new},"
                    f" 1, 'New {new}', {draw(1, 60)}, 1000)",
                ],
            ]
        )

    def last(self) -> str:
        """Commit one more change; returns the id of the release that it makes in the master."""
        self._new += 1
        with psycopg.connect(self._dsn, options=f"-c search_path={SCHEMA}") as connection:
            connection.execute(
                "INSERT INTO release VALUES (%s, gen_random_uuid(), 'last', 1)", (self._new,)
            )
        return f"house-release-{self._new}"


COMPARED = ("artist", "label", "release", "recording", "track")
"""Mappings whose columns stand in the read catalog as they are."""


def disagreements(dsn: str, endpoints: Endpoints) -> list[str]:
    """Where the SELECTs, evaluated in the house's own database, and the read catalog differ."""
    found = []
    with (
        psycopg.connect(dsn, options=f"-c search_path={SCHEMA}") as origin,
        psycopg.connect(endpoints.read_dsn) as read,
    ):
        for master in COMPARED:
            text = (MAPPINGS / f"{master}.sql").read_text(encoding="utf-8")
            cursor = origin.execute(text.encode())
            names = [column.name for column in cursor.description or ()]
            wanted = {row[names.index("id")]: row for row in cursor}
            statement = sql.SQL("SELECT {} FROM catalog.{} WHERE id LIKE 'house-%'").format(
                sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(master)
            )
            there = {row[names.index("id")]: row for row in read.execute(statement)}
            found += [
                f"{master} {own}: {wanted.get(own)} is shown as {there.get(own)}"
                for own in sorted(wanted.keys() | there.keys())
                if wanted.get(own) != there.get(own)
            ]
    return found
