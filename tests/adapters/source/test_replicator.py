"""Records into the replica: once, in order, and never past what can't be read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest

from adapters.source.records import KnownTable, SourceReader
from adapters.source.replicator import Overtaken, Taken, positions, take_in
from projections.ports.event_log import RecordBatch
from tests.adapters.source.chain import Chain
from tests.adapters.source.music import CASES, COLUMNS, KEYS, source_of

pytestmark = pytest.mark.integration

RELEASES, MEDIA = "mb.public.release", "mb.public.medium"


class Replicated(Chain):
    """A chain that reads records."""

    def take(self, *batches: RecordBatch, begun_at: int = 0) -> Taken:
        reader = SourceReader({t: KnownTable(KEYS[t], COLUMNS[t]) for t in COLUMNS})
        begun = {(b.topic, b.partition): begun_at for b in batches}
        return take_in(self.connection, self.source, self.mappings, reader, batches, begun)

    def titles(self) -> dict[str, str]:
        return dict(self.connection.execute("SELECT id, title FROM release").fetchall())


@pytest.fixture
def chain(master_database: str) -> Iterator[Replicated]:
    with closing(Replicated(master_database, source_of(CASES["one to one"]))) as opened:
        yield opened


def record(op: str, row: Mapping[str, Any], commit: int, table: str = "release") -> bytes:
    source = {
        "connector": "postgresql",
        "ts_ms": 1_000,
        "table": table,
        "sequence": f'["{commit}","{commit}"]',
    }
    side = "before" if op == "d" else "after"
    return json.dumps({"op": op, side: row, "source": source}).encode()


def title(number: int, text: str, commit: int, op: str = "u") -> bytes:
    row = {"id": number, "gid": None, "title": text, "artist_credit": None, "barcode": None}
    return record(op, row, commit)


def records(values: Sequence[bytes], first: int = 0, topic: str = RELEASES) -> RecordBatch:
    offsets = list(range(first, first + len(values)))
    return RecordBatch(topic, 0, offsets, [None] * len(values), values, first + len(values))


def test_rows_and_position_move_together(chain: Replicated) -> None:
    chain.take(records([title(1, "A", 1), title(2, "B", 2), title(1, "C", 3)]))
    assert chain.titles() == {"r1": "C", "r2": "B"}
    assert positions(chain.connection, chain.source) == {(RELEASES, 0): 3}


def test_records_below_the_checkpoint_are_left_out(chain: Replicated) -> None:
    batch = records([title(1, "A", 1), title(1, "B", 2)])
    chain.take(batch)
    with pytest.raises(Overtaken):
        chain.take(records([title(1, "A", 1)]))
    again = records([*batch.values, title(1, "C", 3)])  # type: ignore[list-item]
    assert chain.take(again).rows == 1
    assert chain.titles() == {"r1": "C"}


def test_records_that_miss_some_before_them_are_refused(chain: Replicated) -> None:
    with pytest.raises(Overtaken):
        chain.take(records([title(1, "A", 1)], first=5), begun_at=5)
    assert chain.titles() == {}


def test_what_capture_sends_again_overwrites_nothing(chain: Replicated) -> None:
    chain.take(records([title(1, "A", 1), title(1, "B", 2)]))
    taken = chain.take(records([title(1, "A", 1), title(1, "B", 2), title(1, "C", 3)], first=2))
    assert (taken.repeats, taken.rows) == (2, 1)
    taken = chain.take(records([title(1, "A", 1)], first=5))
    assert (taken.repeats, chain.titles()) == (1, {"r1": "C"})


def test_an_unreadable_record_stops_its_partition_alone(chain: Replicated) -> None:
    row = {"id": 1, "release": 1, "position": 1}
    taken = chain.take(
        records([title(1, "A", 1), b"\0avro", title(1, "C", 3)]),
        records([record("c", row, 1, "medium")], topic=MEDIA),
    )
    assert list(taken.stopped) == [(RELEASES, 0)]
    assert "offset 1: it looks like Avro" in taken.stopped[RELEASES, 0]
    assert chain.titles() == {"r1": "A"}
    assert positions(chain.connection, chain.source) == {(RELEASES, 0): 1, (MEDIA, 0): 1}


def test_a_row_that_the_replica_cannot_hold_stops_its_partition_alone(chain: Replicated) -> None:
    large = json.loads(title(2, "B", 2))
    large["after"]["id"] = 1 << 40
    row = {"id": 1, "release": 1, "position": 1}
    taken = chain.take(
        records([title(1, "A", 1), json.dumps(large).encode(), title(3, "C", 3)]),
        records([record("c", row, 1, "medium")], topic=MEDIA),
    )
    assert list(taken.stopped) == [(RELEASES, 0)]
    assert taken.stopped[RELEASES, 0].startswith("offset 1: ")
    assert chain.titles() == {"r1": "A"}
    assert positions(chain.connection, chain.source) == {(RELEASES, 0): 1, (MEDIA, 0): 1}


def test_a_changed_key_is_a_removal_and_a_new_row(chain: Replicated) -> None:
    chain.take(records([title(1, "A", 1)]))
    chain.take(records([record("d", {"id": 1}, 2), title(2, "A", 2, "c")], first=1))
    assert chain.titles() == {"r2": "A"}
