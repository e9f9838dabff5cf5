"""Keys and indexes of tables that are full, made while others are being filled."""

import psycopg
import pytest

from projections.ports.generations import Generation, Phase, Purpose
from tests.adapters.read_database.postgres_chain import PostgresChain

pytestmark = pytest.mark.integration


def created(chain: PostgresChain) -> Generation:
    """A generation that is being filled."""
    return chain.generations().create(Purpose.SERVE, dict.fromkeys(chain.log.partitions, 0))


def indexes(chain: PostgresChain, generation: Generation) -> set[str]:
    """What the generation's tables have."""
    with psycopg.connect(chain.dsn) as connection:
        rows = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE schemaname = %s", (generation.schema,)
        )
        return {str(name) for (name,) in rows}


def test_a_full_table_gets_all_that_it_lacks(chain: PostgresChain) -> None:
    generation = created(chain)
    before = indexes(chain, generation)
    with chain.generations().indexing(generation) as take_up:
        take_up("track")
    early = indexes(chain, generation) - before
    assert {"track_pkey", "track_release", "track_recording"} <= early
    assert not [name for name in early if name.startswith("label")]
    made: list[str] = []
    done = chain.generations().finish(generation, made.append)
    assert done.phase is Phase.CATCHING_UP
    assert "label_pkey" in indexes(chain, generation)
    assert sorted(made) == sorted(p.sql.name for p in chain.context.model.projections)


def test_what_fails_is_left_to_the_end(chain: PostgresChain) -> None:
    generation = created(chain)
    with psycopg.connect(chain.dsn) as connection:
        connection.execute(f'CREATE INDEX track_release ON "{generation.schema}".track (title)')
    with chain.generations().indexing(generation) as take_up:
        take_up("track")
        take_up("label")
        while "label_pkey" not in indexes(chain, generation):
            pass
    with psycopg.connect(chain.dsn) as connection:
        connection.execute(f'DROP INDEX "{generation.schema}".track_release')
    chain.generations().finish(generation, lambda _: None)
    assert {"track_pkey", "track_release"} <= indexes(chain, generation)


@pytest.mark.parametrize("step", ["indexing", "finish"])
def test_who_is_stopped_does_not_wait_for_an_index(chain: PostgresChain, step: str) -> None:
    generation = created(chain)
    watch = psycopg.connect(chain.dsn, autocommit=True)
    with watch, psycopg.connect(chain.dsn) as other:
        other.execute(f'LOCK TABLE "{generation.schema}".track IN ROW EXCLUSIVE MODE')

        def stop_at_the_lock(table: str) -> None:
            while not watch.execute(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = %s::regclass",
                (f'"{generation.schema}".track',),
            ).fetchall():
                pass
            raise KeyboardInterrupt

        def index() -> None:
            if step == "finish":
                chain.generations().finish(generation, stop_at_the_lock)
            with chain.generations().indexing(generation) as take_up:
                take_up("track")
                take_up("label")
                stop_at_the_lock("track")

        with pytest.raises(KeyboardInterrupt):
            index()
    assert "track_pkey" not in indexes(chain, generation)
    chain.generations().finish(generation, lambda _: None)
    assert {"track_pkey", "label_pkey"} <= indexes(chain, generation)
