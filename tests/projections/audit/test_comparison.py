"""Two sides are compared in parts: whatever their number, the same rows differ, and a row of a part
takes no more room than its own."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.audit import comparison
from projections.audit.comparison import Side, differing
from projections.audit.states import SCHEMA
from projections.compaction import compact
from tests.projections.engine.memory_spool import MemorySpool

states = st.dictionaries(st.integers(0, 40), st.integers(0, 2), max_size=40)


def frame(digests: dict[int, int]) -> pl.DataFrame:
    rows = [(f"id{n}", n % 4, n, digest) for n, digest in digests.items()]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@given(ours=states, theirs=states, part=st.sampled_from([1, 3, 1000]), most=st.integers(1, 4))
def test_the_same_rows_differ_however_they_are_parted(
    ours: dict[int, int], theirs: dict[int, int], part: int, most: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(comparison, "PER_PART", part)
        patched.setattr(comparison, "MOST_BUCKETS", most)
        with Side(MemorySpool, 40) as log, Side(MemorySpool, 40) as master:
            assert len(log.sizes) <= most
            log.add(frame(ours))
            master.add(frame(theirs))
            found = {id for rows in differing(log, master) for id in rows["id"]}
    assert found == {f"id{n}" for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n)}


def test_a_part_of_a_frame_takes_its_own_room_only() -> None:
    whole = frame(dict.fromkeys(range(5_000), 0)).with_columns(
        id="a text that is long: " + pl.col("id")
    )
    part = compact(whole.filter(pl.col("offset") < 50))
    room = part.write_ipc_stream(None).getbuffer().nbytes
    assert room < whole.write_ipc_stream(None).getbuffer().nbytes / 20
