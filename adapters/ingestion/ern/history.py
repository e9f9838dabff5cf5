"""The messages that a release's state is made of: the newest full one, and the partial ones since.

A partial one (`partial`) says only a part, so the full one before it goes on counting, whichever
arrives first. So both are kept as they came, and whenever another of them arrives, the state is
made anew of all that count, from the oldest: no order of arrival makes a difference.
"""

import sys
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import psycopg

from adapters.ingestion.ern import partial, purged_tracks
from adapters.ingestion.ern.message import read
from adapters.ingestion.ern.rows import Rows
from adapters.ingestion.ern.statement import ReleaseStatement, Stamp
from domain.failures import Unusable

_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Part:
    """What one message says of a release."""

    stamp: Stamp
    named: str | None
    """The id that the release has by the message alone; None for a purge."""
    is_partial: bool = False


@dataclass
class Composed:
    """A release as all messages that count make it."""

    parts: list[Part]
    """Those that count, oldest first."""
    rows: Rows
    statements: list[ReleaseStatement]

    @property
    def newest(self) -> Stamp:
        """The stamp of the newest."""
        return self.parts[-1].stamp

    @property
    def owned(self) -> dict[str, list[str]] | None:
        """Kind → ids of all that comes with the release; None where it is purged."""
        kinds = ("release", "track", "recording")
        return {kind: self.rows.ids(kind) for kind in kinds} if self.statements else None


def packed(stream: BinaryIO) -> bytes:
    """A message as it is kept."""
    packing = zlib.compressobj(3)
    pieces = [packing.compress(piece) for piece in iter(lambda: stream.read(_AT_ONCE), b"")]
    return b"".join((*pieces, packing.flush()))


def parts(connection: psycopg.Connection, names: Collection[str]) -> dict[str, list[Part]]:
    """What counts of each release; those without any are left out."""
    found: dict[str, list[Part]] = {}
    for release, at, weight, by, named, is_partial in connection.execute(
        "SELECT release_id, created_at, weight, message_id, named, is_partial FROM release_part"
        " WHERE release_id = ANY(%s)",
        (sorted(names),),
    ):
        found.setdefault(release, []).append(Part((at, weight, by), named, is_partial))
    return found


def compose(
    connection: psycopg.Connection,
    name: str,
    found: Iterable[Part],
    said: Mapping[Part, ReleaseStatement],
) -> Composed:
    """The release `name` as these parts make it; `said` has the statements that are at hand.

    Raises Unusable where a message that counts is no longer kept.
    """
    every = sorted(set(found), key=lambda part: part.stamp)
    full = [n for n, part in enumerate(every) if not part.is_partial]
    composed = Composed(every[full[-1] :] if full else every, Rows(), [])
    for part in composed.parts:
        if part.named is None:
            continue
        statement = said.get(part) or _told(connection, part.stamp[2], part.named, name)
        purged_tracks.drop(connection, statement, part.stamp)
        composed.statements.append(statement)
        composed.rows = (
            partial.onto(composed.rows, statement) if part.is_partial else statement.rows
        )
    return composed


def unkept(by: str) -> Unusable:
    """An earlier version took the release in, and kept no messages: no part can be added to it."""
    return Unusable(
        f"what it adds to came with {by}, which isn't kept: send that release whole again, or take"
        " its message in again (`catalog ingest --again FILE`); then take this one in again"
    )


def _told(connection: psycopg.Connection, by: str, named: str, name: str) -> ReleaseStatement:
    """What a message that was kept says of a release that is now known as `name`."""
    row = connection.execute("SELECT content FROM ern_message WHERE id = %s", (by,)).fetchone()
    if row is None or row[0] is None:
        raise unkept(by)
    message = read(zlib.decompress(row[0]), sys.maxsize)
    told = message.statements if message.tell is None else message.tell({named: name})
    return next(statement for statement in told if statement.id == name)


def keep(connection: psycopg.Connection, counting: Mapping[str, Sequence[Part]]) -> None:
    """Keep which parts count of each of these releases, and of others nothing else."""
    connection.execute("DELETE FROM release_part WHERE release_id = ANY(%s)", ([*counting],))
    connection.cursor().executemany(
        "INSERT INTO release_part"
        " (id, release_id, created_at, weight, message_id, named, is_partial)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING",
        [
            (
                f"{release}|{part.stamp[2]}|{part.named or ''}",
                release,
                *part.stamp,
                part.named,
                part.is_partial,
            )
            for release, found in counting.items()
            for part in found
        ],
    )
