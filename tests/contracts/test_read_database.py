"""What every read database promises the engine: one suite for memory and for PostgreSQL."""

import random
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl
import pytest

from adapters.read_database.dead_letters import PostgresDeadLetters
from adapters.read_database.generations import PostgresGenerations
from adapters.read_database.read_store import PostgresReadStore
from projections.catalog import CATALOG
from projections.engine.batch import project
from projections.ports.dead_letters import DeadLetters, NoDeadLetter, Place, RejectedRecord, Stage
from projections.ports.event_decoder import BadRecord
from projections.ports.event_log import RecordBatch
from projections.ports.generations import (
    Generation,
    Generations,
    NothingToCarry,
    Phase,
    Purpose,
    RebuildRunning,
    Scope,
    Throughput,
)
from projections.ports.read_store import (
    CheckpointMoved,
    DeadLettersMoved,
    Filling,
    GenerationMoved,
    Move,
    ReadStore,
    RowsRefused,
    Write,
)
from projections.read_model import REMOVED
from tests.projections.engine.memory_dead_letters import MemoryDeadLetters
from tests.projections.engine.memory_generations import MemoryGenerations
from tests.projections.engine.memory_log import JsonDecoder, event
from tests.projections.engine.memory_store import MemoryDatabase, MemoryReadStore

TRACKS = ("catalog.track", 0)
LABELS = ("catalog.label", 1)
ZERO = {TRACKS: 0, LABELS: 0}


@dataclass
class World:
    """One read database and another connection's view of it."""

    store: ReadStore
    other: ReadStore
    generations: Generations
    dead_letters: DeadLetters


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.integration)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Each test runs on each implementation."""
    if request.param == "memory":
        memory = MemoryDatabase(CATALOG)
        yield World(
            MemoryReadStore(memory),
            MemoryReadStore(memory),
            MemoryGenerations(memory),
            MemoryDeadLetters(memory),
        )
        return
    dsn = request.getfixturevalue("database")
    generations = PostgresGenerations(dsn, CATALOG)
    generations.migrate()
    store, other = PostgresReadStore(dsn, CATALOG), PostgresReadStore(dsn, CATALOG)
    dead_letters = PostgresDeadLetters(dsn, CATALOG.name)
    yield World(store, other, generations, dead_letters)
    for open_connection in (store, other, dead_letters):
        open_connection.close()


@pytest.fixture
def live(world: World) -> Generation:
    """A first generation, empty and live."""
    return world.generations.create(Purpose.SERVE, ZERO, live=True)


def rows(*events: tuple[int, str, str, str | None]) -> dict[str, pl.DataFrame]:
    """Rows of track events (offset, event name, id, title)."""
    values = [event(name, id, offset, title=title) for offset, name, id, title in events]
    keys = [id.encode() for _, _, id, _ in events]
    offsets = [offset for offset, *_ in events]
    batch = RecordBatch(*TRACKS, offsets, list(keys), list(values), offsets[-1] + 1)
    return project(CATALOG, JsonDecoder(), [batch]).rows


def step(expected: int, position: int) -> tuple[Move, ...]:
    """A step of the track partition."""
    return (Move(*TRACKS, expected, position),)


def titles(world: World, generation: Generation) -> dict[str, object]:
    """Id → title of what is stored."""
    with world.generations.read(generation) as reader:
        ids = [id for id, _ in reader.checksums("track", ["id"])]
        return {id: row["title"] for id, row in reader.rows("track", ids).items()}


def test_rows_and_checkpoints_are_stored_together(world: World, live: Generation) -> None:
    write = Write(rows((0, "TrackAdded", "a", "A"), (4, "TrackAdded", "b", "B")), step(0, 9))
    world.store.write(live, write)
    assert titles(world, live) == {"a": "A", "b": "B"}
    assert world.other.checkpoints(live.number) == {TRACKS: 9, LABELS: 0}


def test_a_checkpoint_moves_only_from_where_it_stands(world: World, live: Generation) -> None:
    world.other.write(live, Write({}, step(0, 5)))
    moves = (Move(*LABELS, 0, 3), *step(0, 7))
    with pytest.raises(CheckpointMoved) as moved:
        world.store.write(live, Write(rows((6, "TrackAdded", "a", "A")), moves))
    assert moved.value.partitions == (TRACKS,)
    assert titles(world, live) == {}
    assert world.store.checkpoints(live.number) == {TRACKS: 5, LABELS: 0}
    world.store.write(live, Write(rows((6, "TrackAdded", "a", "A")), step(5, 7)))
    assert titles(world, live) == {"a": "A"}


def test_older_never_replaces_newer(world: World, live: Generation) -> None:
    world.store.write(live, Write(rows((5, "TrackAdded", "a", "new")), ()))
    world.store.write(live, Write(rows((3, "TrackUpdated", "a", "old")), ()))
    world.store.write(live, Write(rows((4, "TrackRemoved", "a", None)), ()))
    assert titles(world, live) == {"a": "new"}
    world.store.write(live, Write(rows((6, "TrackRemoved", "a", None)), ()))
    world.store.write(live, Write(rows((7, "TrackRemoved", "b", None)), ()))
    assert titles(world, live) == {}


def test_refused_values_leave_nothing_behind(world: World, live: Generation) -> None:
    with pytest.raises(RowsRefused):
        world.store.write(live, Write(rows((0, "TrackAdded", "a", "x\0y")), step(0, 1)))
    assert world.store.checkpoints(live.number)[TRACKS] == 0
    world.store.write(live, Write(rows((0, "TrackAdded", "a", "xy")), step(0, 1)))
    assert titles(world, live) == {"a": "xy"}


def bad(offset: int, key: str, reason: str = "why") -> BadRecord:
    """A bad record of the track partition."""
    return BadRecord(*TRACKS, offset, key.encode(), b"\x00bytes", reason)


def test_parked_records_keep_their_bytes(world: World, live: Generation) -> None:
    world.store.write(live, Write({}, step(0, 2), [bad(0, "k", "NUL \0 in it"), bad(1, "l")]))
    assert world.store.parked_keys(live.number) == {
        ("catalog.track", b"k"),
        ("catalog.track", b"l"),
    }
    first, second = world.dead_letters.list(Stage.PROJECT)
    assert (first.offset, first.key, first.value, second.key) == (0, b"k", b"\x00bytes", b"l")
    again = rows((0, "TrackAdded", "l", "L"))
    world.store.write(live, Write(again, (), resolved=(second.number,)))
    assert titles(world, live) == {"l": "L"}
    with pytest.raises(DeadLettersMoved):
        world.store.write(live, Write(again, (), resolved=(second.number,)))
    assert world.dead_letters.list(Stage.PROJECT) == [first]


def test_a_later_event_supersedes_what_its_generation_has_parked_before(
    world: World, live: Generation
) -> None:
    other = world.generations.create(Purpose.SERVE, ZERO)
    for generation in (live, other):
        parked = [bad(0, "k"), bad(1, "l"), bad(2, "k"), bad(4, "k")]
        world.store.write(generation, Write({}, step(0, 3), parked))
    assert world.store.first_parked(live.number, {"catalog.track"}) == bad(0, "k")
    assert world.store.first_parked(live.number, {"catalog.label"}) is None
    superseded = {("catalog.track", b"k"): 3, ("catalog.label", b"l"): 9}
    write = Write(rows((3, "TrackAdded", "k", "K")), step(3, 4), superseded=superseded)
    world.store.write(live, write)
    with world.generations.read(live) as reader:
        assert reader.parked() == {
            ("catalog.track", b"l"): frozenset({1}),
            ("catalog.track", b"k"): frozenset({4}),
        }
    with world.generations.read(other) as reader:
        assert reader.parked()["catalog.track", b"k"] == {0, 2, 4}
    late = Write({}, step(3, 4), superseded={("catalog.track", b"l"): 9})
    with pytest.raises(CheckpointMoved):  # and nothing at all where the step fails
        world.store.write(live, late)
    assert len(world.dead_letters.list()) == 2


def test_what_was_discarded_stays_so_for_all_generations(world: World, live: Generation) -> None:
    other = world.generations.create(Purpose.SERVE, ZERO)
    for generation in (live, other):
        world.store.write(generation, Write({}, step(0, 2), [bad(0, "k"), bad(1, "l")]))
    first, second = world.dead_letters.list()
    world.dead_letters.park(RejectedRecord(Stage.TRANSLATE, "m", 0, 7, b"k", None, (), "odd"))
    (change,) = world.dead_letters.list(Stage.TRANSLATE)
    assert world.store.discarded() == {}
    assert world.dead_letters.discard([first.number, change.number, 999]) == 2
    assert world.store.discarded() == world.other.discarded() == {TRACKS: frozenset({0})}
    assert world.dead_letters.list() == [second]
    assert world.store.parked_keys(other.number) == {("catalog.track", b"l")}
    third = world.generations.create(Purpose.SERVE, ZERO)
    world.store.write(third, Write({}, step(0, 2), [bad(0, "k"), bad(1, "l")]))
    assert world.store.parked_keys(third.number) == {("catalog.track", b"l")}
    assert world.dead_letters.discard([first.number]) == 0


def test_letters_of_translation(world: World, live: Generation) -> None:
    for _ in range(2):
        headers = [("h", b"\xff"), ("n", None)]
        world.dead_letters.park(
            RejectedRecord(Stage.TRANSLATE, "m", 0, 7, b"k", None, headers, "odd")
        )
    (dead_letter,) = world.dead_letters.list()
    assert (dead_letter.stage, dead_letter.offset, list(dead_letter.headers)) == (
        Stage.TRANSLATE,
        7,
        headers,
    )
    world.dead_letters.park(RejectedRecord(Stage.TRANSLATE, "m", 0, 9, b"k", None, (), "waits"))
    assert world.dead_letters.first_parked(Stage.TRANSLATE, "m", b"k") == 7
    assert world.dead_letters.first(Stage.TRANSLATE, "m", b"k") == dead_letter
    assert world.dead_letters.first(Stage.TRANSLATE, "m", b"other") is None
    last = world.dead_letters.list()[1].number
    assert world.dead_letters.places(Stage.TRANSLATE) == [
        Place(dead_letter.number, "m", 0, 7, b"k"), Place(last, "m", 0, 9, b"k"),
    ]  # fmt: skip
    assert world.dead_letters.places(Stage.PROJECT) == []
    world.dead_letters.discard([world.dead_letters.list()[1].number])
    assert world.dead_letters.first_parked(Stage.TRANSLATE, "m", b"other") is None
    assert world.dead_letters.first_parked(Stage.TRANSLATE, "another", b"k") is None
    assert world.dead_letters.parked_keys(Stage.PROJECT, "m") == set()
    world.dead_letters.note_failure(dead_letter.number, "still odd")
    assert world.dead_letters.show(dead_letter.number).attempts == 1
    assert world.dead_letters.show(dead_letter.number).reason == "still odd"
    world.dead_letters.discard([dead_letter.number])
    with pytest.raises(NoDeadLetter, match=str(dead_letter.number)):
        world.dead_letters.show(dead_letter.number)


HISTORY = [
    (0, "TrackAdded", "a", "A"),
    (1, "TrackAdded", "b", "B"),
    (2, "TrackUpdated", "a", "AA"),
    (3, "TrackRemoved", "b", None),
    (4, "TrackAdded", "c", "C"),
    (5, "TrackRemoved", "c", None),
    (6, "TrackAdded", "c", "CC"),
]


def filled(world: World) -> Generation:
    """A generation into which a whole partition was copied."""
    generation = world.generations.create(Purpose.SERVE, ZERO)
    assert generation.phase is Phase.FILLING
    world.store.fill(generation, filling(*HISTORY))
    assert world.generations.resume(generation) == generation
    return world.generations.finish(generation, lambda _: None)


def filling(*events: tuple[int, str, str, str | None], park: Sequence[BadRecord] = ()) -> Filling:
    """What these events of the track partition come to."""
    (newest,) = rows(*events).values()
    kept = newest.filter(~pl.col(REMOVED)).drop(REMOVED)
    (move,) = step(0, events[-1][0] + 1)
    return Filling(move, "track", kept.iter_slices(1), park)


def test_a_partition_is_filled_whole_or_not_at_all(world: World, live: Generation) -> None:
    generation = world.generations.create(Purpose.SERVE, ZERO)
    nul = (1, "TrackAdded", "b", "x\0y")
    with pytest.raises(RowsRefused):
        world.store.fill(generation, filling((0, "TrackAdded", "a", "A"), nul, park=[bad(2, "c")]))
    assert world.store.checkpoints(generation.number) == ZERO
    assert world.store.parked_keys(generation.number) == set()
    refused = [world.store.refusal(generation, "track", f) for f in filling(nul).rows]
    assert len(refused) == 1
    assert refused[0] is not None
    assert "NUL" in refused[0] or "0x00" in refused[0]
    for frame in filling((0, "TrackAdded", "a", "A")).rows:
        assert world.store.refusal(generation, "track", frame) is None
    world.store.fill(generation, filling((0, "TrackAdded", "a", "A"), park=[bad(2, "c")]))
    assert world.store.checkpoints(generation.number) == {TRACKS: 1, LABELS: 0}
    assert world.store.parked_keys(generation.number) == {("catalog.track", b"c")}
    with pytest.raises(CheckpointMoved):
        world.store.fill(generation, filling((0, "TrackAdded", "a", "A")))
    assert titles(world, generation) == {"a": "A"}
    with pytest.raises(GenerationMoved):
        world.store.fill(live, filling((0, "TrackAdded", "a", "A")))


LONG = "".join(random.Random(1).choices(string.ascii_letters, k=9_600))  # noqa: S311
"""No index holds it, since it can't be compressed."""
SHORTER = LONG[:1_500]
"""Every index does."""


def test_an_id_that_no_index_holds_is_refused_live_and_while_filling(
    world: World, live: Generation
) -> None:
    written = ((0, "TrackAdded", "a", "A"), (1, "TrackAdded", LONG, "L"))
    with pytest.raises(RowsRefused, match="index row"):
        world.store.write(live, Write(rows(*written), step(0, 2)))
    new = world.generations.create(Purpose.SERVE, ZERO)
    with pytest.raises(RowsRefused, match="index row"):
        world.store.fill(new, filling(*written))
    assert world.store.checkpoints(new.number) == ZERO
    refused = {
        frame.item(0, "event_offset"): world.store.refusal(new, "track", frame)
        for frame in filling(*written).rows
    }
    assert refused[0] is None
    assert "index row" in str(refused[1])
    longer = ((0, "TrackAdded", "a", "A"), (1, "TrackAdded", SHORTER, "L"))
    world.store.fill(new, filling(*longer, park=[bad(1, "b")]))
    new = world.generations.finish(new, lambda _: None)
    assert titles(world, new) == {"a": "A", SHORTER: "L"}


def test_keys_of_any_length_are_parked(world: World, live: Generation) -> None:
    keys = [LONG, LONG[:-1]]
    parked = [bad(number, key) for number, key in enumerate(keys)]
    world.store.write(live, Write({}, step(0, 2), parked))
    assert world.store.parked_keys(live.number) == {("catalog.track", key.encode()) for key in keys}
    world.store.write(live, Write({}, step(2, 3), [bad(2, LONG)]))
    first = world.dead_letters.first(Stage.PROJECT, "catalog.track", LONG.encode())
    assert first is not None
    assert (first.offset, first.key) == (0, LONG.encode())
    assert [one.offset for one in world.dead_letters.list(key=LONG.encode())] == [0, 2]
    world.dead_letters.park(
        RejectedRecord(Stage.TRANSLATE, "m", 0, 7, LONG.encode(), None, [("h\0", None)], "odd")
    )
    assert world.dead_letters.first_parked(Stage.TRANSLATE, "m", LONG.encode()) == 7
    assert world.dead_letters.parked_keys(Stage.TRANSLATE, "m") == {LONG.encode()}


def test_reasons_are_bounded_whoever_gives_them(world: World, live: Generation) -> None:
    huge = "\0\ud800" + "x" * 1_000_000
    world.store.write(live, Write({}, step(0, 1), [bad(0, "k", huge)]))
    world.dead_letters.park(RejectedRecord(Stage.TRANSLATE, "m", 0, 7, b"k", None, (), huge))
    assert all(0 < len(one.reason) < 1_100 for one in world.dead_letters.list())
    (number, *_) = [one.number for one in world.dead_letters.list()]
    world.dead_letters.note_failure(number, huge)
    assert len(world.dead_letters.show(number).reason) < 1_100


def test_what_was_refused_leaves_nothing_in_the_way(world: World, live: Generation) -> None:
    world.store.write(live, Write(rows((0, "TrackAdded", "a", "A")), step(0, 1)))
    new = world.generations.create(Purpose.SERVE, ZERO)
    with pytest.raises(RowsRefused):
        world.store.fill(new, filling((0, "TrackAdded", "a", "x\0y")))
    for frame in filling((0, "TrackAdded", "a", "x\0y")).rows:
        assert world.store.refusal(new, "track", frame) is not None
    world.store.fill(new, filling((0, "TrackAdded", "a", "A")))
    new = world.generations.finish(new, lambda _: None)
    world.store.write(new, Write(rows((1, "TrackUpdated", "a", "AA")), step(1, 2)))
    assert titles(world, new) == {"a": "AA"}


def test_a_partition_is_filled_by_one_at_a_time(world: World, live: Generation) -> None:
    generation = world.generations.create(Purpose.SERVE, ZERO)
    with world.generations.claims(generation) as one, world.generations.claims(generation) as other:
        assert one.checkpoints() == ZERO
        assert one.take(TRACKS)
        assert not other.take(TRACKS)
        assert other.take(LABELS)
        one.give_back(TRACKS)
        assert other.take(TRACKS)
    with world.generations.claims(generation) as third:
        assert third.take(TRACKS)


def test_filling_comes_to_the_same_as_merging(world: World, live: Generation) -> None:
    for entry in HISTORY:
        world.store.write(live, Write(rows(entry), step(entry[0], entry[0] + 1)))
    new = filled(world)
    assert new.phase is Phase.CATCHING_UP
    with world.generations.read(live) as ours, world.generations.read(new) as theirs:
        columns = ours.columns("track")
        assert theirs.columns("track") == columns
        assert ours.digest("track", columns) == theirs.digest("track", columns)
        assert ours.digest("track", columns).rows == 2
        assert list(ours.checksums("track", columns)) == list(theirs.checksums("track", columns))
        assert ours.checkpoints() == theirs.checkpoints()
    world.store.write(new, Write(rows((7, "TrackUpdated", "a", "AAA")), step(7, 8)))
    assert titles(world, new) == {"a": "AAA", "c": "CC"}
    with world.generations.read(live) as ours, world.generations.read(new) as theirs:
        assert ours.digest("track", columns) != theirs.digest("track", columns)


def test_a_switch_moves_writers_and_names(world: World, live: Generation) -> None:
    world.store.write(live, Write(rows((0, "TrackAdded", "a", "A")), step(0, 1)))
    new = filled(world)
    world.generations.note_progress(new, {"done": 1})
    assert world.generations.all()[1].progress == {"done": 1}
    new = world.generations.advance(new, Phase.VERIFIED, "equal")
    assert (new.note, new.progress) == ("equal", {})
    with world.generations.hold_live() as held:
        assert held.generation == live
        assert held.checkpoints() == {TRACKS: 1, LABELS: 0}
        held.switch(new)
    former, now = world.generations.all()
    assert (former.phase, former.schema) == (Phase.RETIRED, "catalog_g1")
    assert (now.phase, now.schema) == (Phase.LIVE, "catalog")
    assert world.other.live() == now
    with pytest.raises(GenerationMoved):
        world.store.write(live, Write({}, step(1, 2)))
    assert titles(world, now) == {"a": "AA", "c": "CC"}
    assert titles(world, former) == {"a": "A"}
    world.store.write(now, Write(rows((9, "TrackAdded", "n", "N")), step(7, 10)))
    world.store.write(former, Write(rows((9, "TrackAdded", "n", "N")), step(1, 10)))
    with world.generations.hold_live() as held:
        held.switch(former)
    assert [g.phase for g in world.generations.all()] == [Phase.LIVE, Phase.RETIRED]
    assert world.generations.all()[1].schema == "catalog_g2"


def test_the_successor_is_written_while_the_live_one_is_held(
    world: World, live: Generation
) -> None:
    new = world.generations.advance(filled(world), Phase.VERIFIED)
    with world.generations.hold_live() as held:
        world.store.write(new, Write(rows((7, "TrackAdded", "d", "D")), step(7, 8)))
        held.switch(new)
    assert titles(world, world.generations.all()[1]) == {"a": "AA", "c": "CC", "d": "D"}


def test_a_generation_is_read_as_of_one_instant(world: World, live: Generation) -> None:
    with world.generations.read(live) as reader:
        world.store.write(live, Write(rows((0, "TrackAdded", "a", "A")), step(0, 1)))
        assert reader.checkpoints()[TRACKS] == 0
        assert reader.digest("track", ["id"]).rows == 0


def test_one_builder_at_a_time(world: World, live: Generation) -> None:
    with (
        world.generations.exclusive(),
        pytest.raises(RebuildRunning),
        world.generations.exclusive(),
    ):
        pass
    with world.generations.exclusive():
        pass


def test_why_it_stopped_is_kept_until_it_goes_on(world: World, live: Generation) -> None:
    new = world.generations.create(Purpose.SERVE, ZERO)
    world.generations.note_progress(new, {"phase": "filling", "done": 3})
    world.generations.note_failure(new, "an event that can't be used")
    stopped = world.generations.all()[-1]
    assert (stopped.phase, stopped.note) == (Phase.FILLING, "an event that can't be used")
    assert stopped.progress["done"] == 3
    assert world.generations.advance(stopped, Phase.CATCHING_UP).note is None


def test_dropping(world: World, live: Generation) -> None:
    new = filled(world)
    world.store.write(new, Write({}, (), [bad(99, "k")]))
    world.generations.drop(new)
    assert world.generations.all()[1].phase is Phase.DROPPED
    assert world.store.checkpoints(new.number) == {}
    assert world.store.parked_keys(new.number) == set()
    with pytest.raises(ValueError, match="live"):
        world.generations.drop(live)
    with pytest.raises(GenerationMoved):
        world.store.write(new, Write({}, ()))


def test_new_checkpoints_begin_at_zero(world: World, live: Generation) -> None:
    world.store.add_checkpoints(live.number, [("catalog.artist", 0), TRACKS])
    assert world.store.checkpoints(live.number)["catalog.artist", 0] == 0


IDS = {"catalog.track": "one", "catalog.label": "two"}


def test_checkpoints_know_their_topics_once(world: World, live: Generation) -> None:
    assert world.store.topic_ids(live.number) == dict.fromkeys(IDS)
    world.store.note_topic_ids(live.number, {"catalog.track": "one", "catalog.artist": "none"})
    world.other.note_topic_ids(live.number, {"catalog.track": "late", "catalog.label": "two"})
    assert world.store.topic_ids(live.number) == IDS
    world.store.write(live, Write({}, step(0, 5)))
    assert world.other.topic_ids(live.number) == IDS
    new = world.generations.create(Purpose.SERVE, ZERO)
    assert world.store.topic_ids(new.number) == dict.fromkeys(IDS)
    world.generations.drop(new)
    assert world.store.topic_ids(new.number) == {}


def test_positions_of_former_topics_are_forgotten(world: World, live: Generation) -> None:
    label = BadRecord(*LABELS, 0, b"l", b"x", "no event")
    world.store.write(live, Write({}, step(0, 2), [bad(0, "k"), label]))
    world.dead_letters.discard([one.number for one in world.dead_letters.list()])
    world.store.forget_positions(["catalog.track"])
    assert world.store.discarded() == {LABELS: frozenset({0})}


def test_what_history_lacks_is_counted_with_the_partition(world: World, live: Generation) -> None:
    new = world.generations.create(Purpose.SERVE, ZERO)
    assert new.lacking == {}
    for move, count in (
        (Move(*TRACKS, 0, 1), 3),
        (Move(*TRACKS, 1, 2), 4),
        (Move(*LABELS, 0, 1), 0),
    ):
        world.store.fill(new, Filling(move, "track", [], lacking=count))
    with pytest.raises(CheckpointMoved):
        world.store.fill(new, Filling(Move(*TRACKS, 0, 1), "track", [], lacking=9))
    assert world.generations.all()[-1].lacking == {"catalog.track": 7}


CARRIED = Scope(carried=frozenset({"catalog.track"}))


def test_a_carried_table_comes_with_its_position_and_letters(
    world: World, live: Generation
) -> None:
    world.store.write(live, Write(rows((0, "TrackAdded", "a", "A")), step(0, 5), [bad(3, "k")]))
    world.store.note_topic_ids(live.number, IDS)
    new = world.generations.create(Purpose.SERVE, ZERO, scope=CARRIED)
    world.store.write(live, Write(rows((5, "TrackUpdated", "a", "AA")), step(5, 6)))
    assert new.scope == CARRIED
    made: list[str] = []
    new = world.generations.finish(new, made.append)
    world.store.write(live, Write(rows((6, "TrackUpdated", "a", "AAA")), step(6, 7)))
    assert (new.phase, made.count("track")) == (Phase.CATCHING_UP, 1)
    assert titles(world, new) == {"a": "AA"}
    assert world.store.checkpoints(new.number) == {TRACKS: 6, LABELS: 0}
    assert world.store.parked_keys(new.number) == {("catalog.track", b"k")}
    assert world.store.topic_ids(new.number) == {"catalog.track": "one", "catalog.label": None}
    world.generations.drop(new)
    assert world.store.parked_keys(live.number) == {("catalog.track", b"k")}


def test_a_carried_table_is_copied_once(world: World, live: Generation) -> None:
    world.store.write(live, Write(rows((0, "TrackAdded", "a", "A")), step(0, 1)))
    new = world.generations.create(Purpose.SERVE, ZERO, scope=CARRIED)

    def killed(table: str) -> None:
        if table != "track":
            raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        world.generations.finish(new, killed)
    new = world.generations.resume(new)
    assert (new.phase, new.scope) == (Phase.FILLING, CARRIED)
    world.generations.finish(new, lambda _: None)
    assert titles(world, new) == {"a": "A"}
    assert world.store.checkpoints(new.number)[TRACKS] == 1


def test_nothing_is_carried_without_a_live_generation(world: World) -> None:
    new = world.generations.create(Purpose.SERVE, ZERO, scope=CARRIED)
    with pytest.raises(NothingToCarry):
        world.generations.finish(new, lambda _: None)


def test_what_is_as_of_an_instant_never_goes_live(world: World, live: Generation) -> None:
    scope = Scope(as_of=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))
    frozen = world.generations.create(Purpose.AS_OF, ZERO, scope=scope)
    frozen = world.generations.finish(frozen, lambda _: None)
    frozen = world.generations.advance(frozen, Phase.FROZEN, "as of then")
    assert (frozen.scope, world.generations.all()[1].scope) == (scope, scope)
    with pytest.raises(ValueError, match="serve"), world.generations.hold_live() as held:
        held.switch(frozen)
    assert world.store.live() == live
    world.generations.drop(frozen)
    assert world.generations.all()[1].phase is Phase.DROPPED


def test_paces_add_up_and_outlive_their_generation(world: World, live: Generation) -> None:
    new = world.generations.create(Purpose.SERVE, ZERO)
    for offsets, seconds in ((100, 1.5), (50, 0.25)):
        world.generations.note_throughput(new, "filling", Throughput(offsets, seconds))
    world.generations.note_throughput(new, "indexing", Throughput(150, 2.0))
    world.generations.drop(new)
    assert world.generations.all()[1].throughput == {
        "filling": Throughput(150, 1.75), "indexing": Throughput(150, 2.0),
    }  # fmt: skip
