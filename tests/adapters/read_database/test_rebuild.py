"""Rebuilds, drift and switches on the real database, with readers and workers at it."""

import random
import signal
import string
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from threading import Event

import psycopg
import pytest
from psycopg import sql

from adapters.composition.migration import MODELS
from adapters.monitoring.generations import SeenGeneration, seen_generations
from adapters.read_database import index_probe
from adapters.read_database.dead_letters import PostgresDeadLetters
from adapters.read_database.generations import PostgresGenerations
from adapters.read_database.read_store import PostgresReadStore
from domain.failures import NotMigrated
from migrations import run
from projections.engine.poison import Poison
from projections.engine.progress import Progress, silent
from projections.engine.rebuild import (
    CantIndex,
    HistoryNotWhole,
    ensure_live,
    rebuild,
    verify_live,
)
from projections.engine.switch import CantSwitch, by_number, drop, rollback, switch, switch_to
from projections.engine.verification import Difference
from projections.ports.dead_letters import Stage
from projections.ports.generations import (
    Generation,
    Phase,
    Purpose,
    ReadersInTheWay,
    RebuildRunning,
)
from tests.adapters.read_database.postgres_chain import PostgresChain
from tests.beside import beside, join
from tests.projections.engine.chain import MODEL, Chain
from tests.projections.engine.memory_log import event

pytestmark = pytest.mark.integration


def speak(chain: Chain, count: int, seed: int = 0) -> None:
    """Let the log grow by events on forty keys of each subject."""
    draw = random.Random(seed)  # noqa: S311
    for number in range(count):
        subject = draw.choice(["track", "label"])
        chain.say(subject, draw.randrange(40), draw.choice([0, 1, 1, 1, 2]), f"{seed}.{number}")


def caught_up(chain: PostgresChain) -> None:
    """Make the first generation and project all there is."""
    ensure_live(chain.context)
    worker = chain.worker()
    chain.log.subscriptions[-1].assign(list(chain.log.partitions))
    while chain.checkpoints() != chain.ends():
        worker.step(0)


def test_migrations_lead_to_the_models(database: str) -> None:
    for branch, schema in (("engine", "engine"), ("read_catalog", "catalog")):
        run.upgrade(database, branch, schema)
        assert run.check(database, schema, MODELS[branch]) == []
        assert run.current(database, branch, schema) == run.history(branch)[-1][0]
        with psycopg.connect(database) as connection:
            connection.execute(f"ALTER TABLE {schema}.alembic_version ADD CHECK (true)")
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE catalog.track ADD COLUMN surprise text")
    assert len(run.check(database, "catalog", MODELS["read_catalog"])) == 1
    with pytest.raises(run.UnknownBranch, match="nonsense"):
        run.history("nonsense")


def test_a_database_without_tables_is_named_and_the_cure(database: str) -> None:
    with pytest.raises(NotMigrated, match="catalog migrate"):
        PostgresGenerations(database, MODEL).all()
    with (
        pytest.raises(NotMigrated, match="catalog migrate"),
        closing(PostgresDeadLetters(database, MODEL.name)) as dead_letters,
    ):
        dead_letters.parked_keys(Stage.PROJECT, "catalog.track")


def test_a_rebuild_is_indexed_logged_and_equal(chain: PostgresChain) -> None:
    speak(chain, 300)
    caught_up(chain)
    done = rebuild(chain.context, report=silent)
    assert done.switched
    assert done.comparison is not None
    assert done.comparison.equal
    assert chain.content() == chain.replayed()
    with psycopg.connect(chain.dsn) as connection:
        relations: dict[str, str] = dict(
            connection.execute(
                "SELECT relname, relpersistence FROM pg_class c "
                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = 'catalog'"
            ).fetchall()
        )
        analysed = connection.execute(
            "SELECT reltuples FROM pg_class WHERE oid = 'catalog.track'::regclass"
        ).fetchone()
    assert {"track_pkey", "track_release", "track_recording", "label_pkey"} <= relations.keys()
    assert set(relations.values()) == {"p"}
    assert not [name for name in relations if name.startswith("deferred")]
    assert analysed == (len(chain.content()["track"]),)
    assert run.check(chain.dsn, "catalog", MODELS["read_catalog"]) == []


def test_a_first_rebuild_needs_no_live_generation(chain: PostgresChain) -> None:
    speak(chain, 50)
    done = rebuild(chain.context, report=silent)
    assert (done.switched, done.comparison) == (True, None)
    assert chain.content() == chain.replayed()
    assert chain.checkpoints() == chain.ends()


def test_hand_made_changes_are_found(chain: PostgresChain) -> None:
    speak(chain, 200)
    caught_up(chain)
    worker = chain.worker()
    chain.log.subscriptions[-1].assign(list(chain.log.partitions))

    def meanwhile(_: Progress) -> None:
        if not chain.is_held:
            chain.say("track", 50, 1, "goes on")
            worker.step(0)

    assert verify_live(chain.context, report=meanwhile).equal
    changed, lost = sorted(id for id in chain.content()["track"] if id != "track50")[:2]
    with psycopg.connect(chain.dsn) as connection:
        connection.execute("UPDATE catalog.track SET title = 'by hand' WHERE id = %s", (changed,))
        connection.execute("DELETE FROM catalog.track WHERE id = %s", (lost,))
        connection.execute(
            "INSERT INTO catalog.label (id, name, event_id, event_partition, event_offset) "
            "VALUES ('ghost', 'Boo', 'none', 0, 0)"
        )
    comparison = verify_live(chain.context, report=meanwhile)
    assert not comparison.equal
    found = {difference.id: difference for difference in comparison.differences}
    assert {id: one.kind for id, one in found.items()} == {
        changed: "changed", lost: "missing", "ghost": "ghost",
    }  # fmt: skip
    title, offset = chain.replayed()["track"][changed]
    assert found[changed] == Difference(
        "track", changed, "changed", {"title": "by hand"}, {"title": title},
        found[changed].event, ("catalog.track", int(changed[5:]) % 2, int(str(offset))),
    )  # fmt: skip
    assert found[lost].replayed["title"] == chain.replayed()["track"][lost][0]
    assert [one.phase for one in chain.generations().all()] == [
        Phase.LIVE, Phase.DROPPED, Phase.DROPPED,
    ]  # fmt: skip
    done = rebuild(chain.context, report=silent)
    assert not done.switched
    assert done.generation.phase is Phase.DIFFERENT
    with pytest.raises(CantSwitch, match="different; --force"):
        switch(chain.context, done.generation.number, force=False, report=silent)
    switch(chain.context, done.generation.number, force=True, report=silent)
    assert chain.content() == chain.replayed()
    assert verify_live(chain.context, report=silent).equal


def test_rolling_back_catches_up_first(chain: PostgresChain) -> None:
    speak(chain, 60)
    caught_up(chain)
    with pytest.raises(CantSwitch):
        rollback(chain.context, report=silent)
    rebuild(chain.context, report=silent)
    speak(chain, 60, seed=1)
    caught_up(chain)
    live = rollback(chain.context, report=silent)
    assert (live.number, live.schema) == (1, "catalog")
    assert chain.content() == chain.replayed()
    assert rollback(chain.context, report=silent).number == 2


def test_generations_are_dropped_when_nobody_needs_them(chain: PostgresChain) -> None:
    speak(chain, 20)
    caught_up(chain)
    waiting = rebuild(chain.context, switch=False, report=silent)
    assert (waiting.switched, waiting.generation.phase) == (False, Phase.VERIFIED)
    rebuild(chain.context, report=silent)
    assert [one.phase for one in chain.generations().all()] == [
        Phase.RETIRED, Phase.DROPPED, Phase.LIVE,
    ]  # fmt: skip
    rebuild(chain.context, keep=0, report=silent)
    assert [one.phase for one in chain.generations().all()][::2] == [Phase.DROPPED, Phase.DROPPED]
    with psycopg.connect(chain.dsn) as connection:
        schemas = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'catalog%'"
        ).fetchall()
    assert schemas == [("catalog",)]


def seen(chain: PostgresChain) -> list[SeenGeneration]:
    """The generations as an operator sees them."""
    with psycopg.connect(chain.dsn, autocommit=True) as connection:
        return seen_generations(connection, [chain.context.model.name])


def test_only_wanted_rebuilds_run(chain: PostgresChain) -> None:
    speak(chain, 20)
    chain.say("track", 3, 0, "junk")
    caught_up(chain)
    with chain.generations().exclusive(), pytest.raises(RebuildRunning):
        rebuild(chain.context, report=silent)
    assert [one.state for one in seen(chain)] == ["live"]
    with pytest.raises(Poison, match=r"catalog\.track/1/"):
        rebuild(chain.context, report=silent)
    assert [one.state for one in seen(chain)] == ["live", "stopped"]
    assert "catalog.track/1/" in seen(chain)[1].why
    with chain.generations().exclusive():
        assert [one.state for one in seen(chain)] == ["live", "filling"]
    assert rebuild(chain.context, park_poison=True, report=silent).resumed
    chain.log.broken = ["catalog.track lost its beginning"]
    with pytest.raises(HistoryNotWhole, match="lost its beginning"):
        rebuild(chain.context, report=silent)
    assert rebuild(chain.context, park_poison=True, force=True, report=silent).switched


def test_a_generation_that_other_migrations_began_begins_anew(chain: PostgresChain) -> None:
    speak(chain, 100)
    caught_up(chain)
    reads = iter(range(30))

    def stop() -> None:
        if next(reads, None) is None:
            raise ConnectionAbortedError

    chain.log.on_chunk = stop
    with pytest.raises(ConnectionAbortedError):
        rebuild(chain.context, report=silent)
    chain.log.on_chunk = lambda: None
    filling = chain.generations().all()[-1]
    assert filling.phase is Phase.FILLING
    assert sum(chain.store().checkpoints(filling.number).values()) > 0
    with psycopg.connect(chain.dsn) as connection:
        ghost = "INSERT INTO {}.label SELECT 'ghost', 'e', 0, 0"
        connection.execute(sql.SQL(ghost).format(sql.Identifier(filling.schema)))
        older = "UPDATE {}.alembic_version SET version_num = 'read_catalog_0001'"
        connection.execute(sql.SQL(older).format(sql.Identifier(filling.schema)))
    done = rebuild(chain.context, report=silent)
    assert (done.switched, done.resumed, done.generation.number) == (True, True, filling.number)
    assert chain.content() == chain.replayed()


def test_a_killed_rebuild_goes_on(chain: PostgresChain) -> None:
    speak(chain, 400)
    caught_up(chain)
    killed = 0
    draw = random.Random(5)  # noqa: S311
    while killed < 5:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.adapters.read_database.rebuilding", chain.dsn, "400"],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        assert process.stdout is not None
        for _ in range(draw.randrange(1, 40)):
            if not process.stdout.readline():
                break
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.stdout.close()
        process.wait()
    done = rebuild(chain.context, report=silent)
    assert done.switched
    assert done.comparison is not None
    assert done.comparison.equal
    assert chain.content() == chain.replayed()
    numbers = [one.number for one in chain.generations().all()]
    assert numbers == list(range(1, len(numbers) + 1))


def filled_with(chain: PostgresChain, word: str) -> Generation:
    """A verified generation all of whose rows say `word`, though no event does."""
    generations = chain.generations()
    generation = generations.create(Purpose.SERVE, dict.fromkeys(chain.log.partitions, 0))
    generation = generations.finish(generation, lambda _: None)
    with psycopg.connect(chain.dsn) as connection:
        for table, column in (("track", "title"), ("label", "name"), ("release", "title")):
            connection.execute(
                f'INSERT INTO "{generation.schema}".{table} '
                f"(id, {column}, event_id, event_partition, event_offset) "
                "SELECT i::text, %s, 'e', 0, 0 FROM generate_series(1, 20) AS i",
                (word,),
            )
        connection.execute(f"UPDATE \"{generation.schema}\".track SET release_id = '7'")
    return generations.advance(generation, Phase.VERIFIED)


MIXED = """
    SELECT track.title, label.name, shown.title, shown.release_title,
           (SELECT title FROM catalog.release WHERE id = '7')
    FROM catalog.track JOIN catalog.label USING (id)
    JOIN catalog.release_track AS shown ON shown.track_id = track.id"""


def test_readers_never_see_two_generations(chain: PostgresChain) -> None:
    numbers = [filled_with(chain, word).number for word in ("one", "two")]
    switch(chain.context, numbers[0], force=False, report=silent)
    stop = Event()
    seen: list[set[object]] = []
    errors: list[BaseException] = []

    def read(prepared: bool) -> None:
        try:
            with psycopg.connect(chain.dsn, autocommit=True) as connection:
                while not stop.is_set():
                    rows = connection.execute(MIXED, prepare=prepared).fetchall()
                    assert len(rows) == 20
                    seen.append({value for row in rows for value in row})
        except BaseException as error:  # shown by the main thread
            errors.append(error)

    readers = [beside(read, (number % 2 == 0,)) for number in range(4)]
    for reader in readers:
        reader.start()
    try:
        for turn in range(25):
            switch(chain.context, numbers[1 - turn % 2], force=False, report=silent)
    finally:
        stop.set()
        join(*readers)
    assert errors == []
    assert {frozenset(words) for words in seen} == {frozenset({"one"}), frozenset({"two"})}


def test_polite_readers_never_stand_in_the_way(chain: PostgresChain) -> None:
    """One attempt is enough, however many statements take the tables in opposite orders."""
    numbers = [filled_with(chain, word).number for word in ("one", "two")]
    switch(chain.context, numbers[0], force=False, report=silent)
    stop = Event()
    seen: list[set[object]] = []

    def read(tables: list[str]) -> None:
        first, then = (f"(SELECT title FROM catalog.{table} LIMIT 1)" for table in tables)
        between = f"ARRAY[{','.join('1' * 20_000)}]"  # takes a while to parse
        statement = f"SELECT g.number, {first}, {between}, {then} FROM catalog.generation g"
        with psycopg.connect(chain.dsn, autocommit=True) as connection:
            while not stop.is_set():
                seen.append({row[0] for row in connection.execute(statement)})

    orders = [["track", "release"], ["release", "track"]] * 3
    readers = [beside(read, (order,)) for order in orders]
    for reader in readers:
        reader.start()
    try:
        for turn in range(6):
            successor = by_number(chain.context, numbers[1 - turn % 2])
            switch_to(chain.context, successor, park=False, report=silent, patience=0.0)
    finally:
        stop.set()
        join(*readers)
    assert {frozenset(numbers) for numbers in seen} == {frozenset({n}) for n in numbers}


def test_a_long_reader_is_not_waited_for_for_ever(chain: PostgresChain) -> None:
    numbers = [filled_with(chain, word).number for word in ("one", "two")]
    switch(chain.context, numbers[0], force=False, report=silent)
    context = chain.context

    with psycopg.connect(chain.dsn, application_name="long reader") as reader:
        reader.execute("SELECT * FROM catalog.track")
        successor = by_number(context, numbers[1])
        with pytest.raises(ReadersInTheWay, match="long reader"):
            switch_to(context, successor, park=False, report=silent, patience=0.0)
        assert [one.phase for one in chain.generations().all()] == [Phase.LIVE, Phase.VERIFIED]
        lets_go = [reader.rollback]
        switch_to(context, successor, park=False, report=silent, wait=lambda _: lets_go.pop()())
    assert context.generations.all()[1].phase is Phase.LIVE


def test_a_rebuild_beside_a_busy_worker_and_readers(chain: PostgresChain) -> None:
    speak(chain, 300)
    caught_up(chain)
    stop = Event()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            store = PostgresReadStore(chain.dsn, MODEL)
            worker = chain.worker(store)
            chain.log.subscriptions[-1].assign(list(chain.log.partitions))
            turn = 0
            while not stop.is_set():
                turn += 1
                speak(chain, 3, seed=turn)
                worker.step(0)
            while chain.checkpoints() != chain.ends():
                worker.step(0)
            store.close()
        except BaseException as error:  # shown by the main thread
            errors.append(error)

    def read() -> None:
        try:
            with psycopg.connect(chain.dsn, autocommit=True) as connection:
                while not stop.is_set():
                    connection.execute(MIXED).fetchall()
        except BaseException as error:  # shown by the main thread
            errors.append(error)

    threads = [beside(work), beside(read), beside(read)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            done = rebuild(chain.context, report=silent)
            assert done.comparison is not None
            assert done.comparison.equal, done.comparison.differences
            assert done.switched
        rollback(chain.context, report=silent)
    finally:
        stop.set()
        join(*threads)
    assert errors == []
    assert chain.content() == chain.replayed()


def test_generations_keep_to_their_read_model(chain: PostgresChain) -> None:
    first = ensure_live(chain.context)
    assert ensure_live(chain.context) == first
    PostgresGenerations(chain.dsn, MODEL).migrate()
    assert [one.number for one in chain.generations().all()] == [1]


LONG = "".join(random.Random(2).choices(string.ascii_letters, k=9_600))  # noqa: S311
"""An id that no index holds."""


def test_what_only_an_index_refuses_is_named_and_parked(chain: PostgresChain) -> None:
    """The same by the worker, by a rebuild, by one that parks, and by a comparison."""
    partition = ("catalog.label", 0)
    chain.say("label", 0, 0, "a")
    chain.log.append(partition, LONG, event("LabelAdded", LONG, 1, name="long"))
    chain.say("label", 2, 0, "b")
    ensure_live(chain.context)
    worker = chain.worker()
    chain.log.subscriptions[-1].assign(list(chain.log.partitions))
    while worker.step(0):
        pass
    assert chain.content()["label"].keys() == {"label0", "label2"}
    (parked,) = chain.dead_letters().list()
    assert (parked.offset, parked.key) == (1, LONG.encode())
    for _ in range(2):  # and again when it resumes
        with pytest.raises(Poison, match=r"catalog\.label/0/1 .*index row"):
            rebuild(chain.context, report=silent)
    done = rebuild(chain.context, park_poison=True, report=silent)
    assert (done.resumed, done.switched) == (True, True)
    assert [(one.offset, one.generation) for one in chain.dead_letters().list()] == [(1, 2)]
    assert verify_live(chain.context, report=silent).equal


def test_a_generation_that_was_filled_before_its_rows_were_tried_says_what_to_do(
    chain: PostgresChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.log.append(("catalog.label", 0), LONG, event("LabelAdded", LONG, 0, name="long"))
    with monkeypatch.context() as patch:
        patch.setattr(index_probe, "LONG", 1_000_000)
        with pytest.raises(CantIndex, match="generations drop 1"):
            rebuild(chain.context, report=silent)
    drop(chain.context, 1)
    assert rebuild(chain.context, park_poison=True, report=silent).switched
