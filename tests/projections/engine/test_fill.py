"""Filling: of each partition the newest row of every id, and what stands in its way."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.failures import Unavailable
from projections.engine import fill as filling
from projections.engine.fill import fill, join
from projections.engine.poison import Poison
from projections.engine.progress import silent
from projections.ports.event_log import TopicPartition
from projections.ports.generations import Generation, Purpose
from projections.ports.read_store import Filling, RowsRefused
from tests.projections.engine.chain import Chain, Tables
from tests.projections.engine.memory_log import event
from tests.projections.engine.memory_spool import MemorySpool
from tests.projections.engine.memory_store import LONGEST_INDEXED, MemoryReadStore


def begun(chain: Chain) -> Generation:
    """A generation that is to hold all that is in the log."""
    return chain.generations().create(Purpose.SERVE, chain.ends())


def content(chain: Chain, generation: Generation) -> Tables:
    """Table → id → (value, offset)."""
    found: Tables = {}
    with chain.generations().read(generation) as reader:
        for table, name in (("label", "name"), ("track", "title")):
            ids = [id for id, _ in reader.checksums(table, ["id"])]
            rows = reader.rows(table, ids)
            found[table] = {id: (row[name], row["event_offset"]) for id, row in rows.items()}
    return found


def chain_of(*said: tuple[str, int, int, str]) -> Chain:
    """A chain in whose log this was said (subject, key, kind, value)."""
    chain = Chain()
    for one in said:
        chain.say(*one)
    return chain


SAYINGS = st.lists(
    st.tuples(
        st.sampled_from(["track", "label"]),
        st.integers(0, 3),
        st.integers(0, 2),
        st.sampled_from(["a", "b", "junk"]),
    ),
    max_size=25,
)
REFUSED = st.lists(st.tuples(st.just("track"), st.integers(4, 6), st.just(1), st.just("nul \0")))
"""Last of their keys: a later event would make them harmless."""


@given(said=SAYINGS, refused=REFUSED, chunk=st.integers(1, 7), at_once=st.integers(1, 5))
@settings(max_examples=60)
def test_it_comes_to_a_plain_replay(
    said: list[tuple[str, int, int, str]],
    refused: list[tuple[str, int, int, str]],
    chunk: int,
    at_once: int,
) -> None:
    before = [(subject, key, 0, "x") for subject, key, *_ in refused]
    chain = chain_of(*before, *said, *refused)
    chain.log.chunk = chunk
    generation = begun(chain)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filling, "AT_ONCE", at_once)
        fill(chain.context, generation, park=True, report=silent)
    assert content(chain, generation) == chain.replayed()
    assert chain.store().checkpoints(generation.number) == chain.ends()


def test_a_refused_row_gives_way_to_the_event_before() -> None:
    chain = chain_of(
        ("track", 0, 0, "good"),
        ("track", 0, 1, "nul \0"),
        ("track", 2, 0, "other"),
    )
    generation = begun(chain)
    fill(chain.context, generation, park=True, report=silent)
    tracks = content(chain, generation)["track"]
    assert tracks == {"track0": ("good", 0), "track2": ("other", 2)}
    parked = chain.store().parked_keys(generation.number)
    assert parked == {("catalog.track", b"track0")}


def test_poison_stops_it_where_nothing_may_be_parked() -> None:
    chain = chain_of(("track", 0, 0, "good"), ("track", 0, 1, "nul \0"))
    with pytest.raises(Poison, match=r"catalog\.track/0/1"):
        fill(chain.context, begun(chain), park=False, report=silent)


def test_what_others_are_at_is_left_to_them_and_taken_over() -> None:
    chain = chain_of(*((subject, key, 0, "x") for subject in ("track", "label") for key in (0, 1)))
    generation = begun(chain)
    theirs: TopicPartition = ("catalog.track", 1)
    with chain.generations().claims(generation) as other:
        assert other.take(theirs)
        fill(chain.context, generation, park=False, report=silent, wait=None)
        left = {p for p, at in chain.store().checkpoints(generation.number).items() if at == 0}
        assert left == {theirs}
        waited: Iterator[None] = iter([None])

        def killed(_: float) -> None:
            next(waited)
            other.give_back(theirs)

        fill(chain.context, generation, park=False, report=silent, wait=killed)
    assert content(chain, generation) == chain.replayed()


def test_a_helper_fills_what_is_free_and_ends() -> None:
    chain = chain_of(("track", 0, 0, "x"), ("track", 1, 0, "y"))
    assert join(chain.context, park=False, report=silent, patience=0.0) is None
    made: list[Generation] = []
    said = join(chain.context, park=False, report=silent, wait=lambda _: made.append(begun(chain)))
    assert said == 2
    assert content(chain, made[0]) == chain.replayed()
    assert join(chain.context, park=False, report=silent) == 0
    assert fill(chain.context, made[0], park=False, report=silent) == 0


def test_a_full_table_is_indexed_while_others_are_filled() -> None:
    chain = chain_of(("label", 0, 0, "a"), ("track", 0, 0, "a"), ("track", 2, 0, "b"))
    generation = begun(chain)
    fill(chain.context, generation, park=True, report=silent)
    # the largest first; the last ones are left to the end, where several are made at a time
    assert chain.database.copies[generation.number].indexed == ["track"]


def test_a_helper_makes_no_indexes() -> None:
    chain = chain_of(("label", 0, 0, "a"), ("track", 0, 0, "a"), ("track", 2, 0, "b"))
    generation = begun(chain)
    assert join(chain.context, park=True, report=silent)
    assert chain.database.copies[generation.number].indexed == []


class CountedSpool(MemorySpool):
    """Knows how many of its kind are open."""

    opened: ClassVar[list["CountedSpool"]] = []

    def __init__(self) -> None:
        super().__init__()
        self.opened.append(self)

    def close(self) -> None:
        """See the port."""
        super().close()
        self.opened.remove(self)


@pytest.mark.parametrize("said", ["good", "junk", "nul \0"])
@pytest.mark.parametrize("park", [True, False])
def test_nothing_stays_on_the_disk(said: str, park: bool) -> None:
    chain = chain_of(("track", 0, 0, "good"), ("track", 0, 1, said), ("label", 1, 0, "a"))
    context = replace(chain.context, spool=CountedSpool)
    with nullcontext() if park or said == "good" else pytest.raises(Poison):
        fill(context, begun(chain), park=park, report=silent)
    assert CountedSpool.opened == []


def test_nothing_stays_on_the_disk_where_the_log_fails() -> None:
    chain = chain_of(*(("track", 0, 0, str(number)) for number in range(5)))
    chain.log.chunk = 2
    reads = iter(range(2))

    def fails() -> None:
        if next(reads, None) is None:
            raise Unavailable("no broker answers")

    chain.log.on_chunk = fails
    context = replace(chain.context, spool=CountedSpool)
    with pytest.raises(Unavailable):
        fill(context, begun(chain), park=True, report=silent)
    assert CountedSpool.opened == []


def test_a_refusal_that_no_row_explains_is_raised() -> None:
    class Contradicting(MemoryReadStore):
        def fill(self, generation: Generation, filling: Filling) -> None:
            raise RowsRefused("somehow")

    chain = chain_of(("track", 0, 0, "good"))
    context = replace(chain.context, store=Contradicting(chain.database))
    with pytest.raises(RowsRefused, match="somehow"):
        fill(context, begun(chain), park=True, report=silent)


def test_an_id_that_no_index_holds_is_parked_with_its_event() -> None:
    chain = chain_of(("label", 0, 0, "a"))
    long = "x" * (LONGEST_INDEXED + 1)
    chain.log.append(("catalog.label", 0), long, event("LabelAdded", long, 1, name="long"))
    generation = begun(chain)
    with pytest.raises(Poison, match=r"catalog\.label/0/1 .*index row"):
        fill(chain.context, generation, park=False, report=silent)
    fill(chain.context, generation, park=True, report=silent)
    assert content(chain, generation)["label"].keys() == {"label0"}
    assert chain.store().parked_keys(generation.number) == {("catalog.label", long.encode())}
