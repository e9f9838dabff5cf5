"""Migrations that come while a generation is built, written to, or kept for rollback."""

import logging

import psycopg
import pytest

from adapters.read_database.rows import columns_of
from domain.failures import Refused
from migrations import run
from projections.engine.fill import fill
from projections.engine.progress import silent
from projections.engine.rebuild import ensure_live, rebuild
from projections.engine.switch import rollback
from projections.ports.generations import Phase, Purpose
from tests.adapters.read_database.postgres_chain import PostgresChain

pytestmark = pytest.mark.integration


def of_the_past(chain: PostgresChain, schema: str) -> None:
    """Make a generation's tables what an older release made: labels without their names."""
    with psycopg.connect(chain.dsn) as connection:
        connection.execute(f'ALTER TABLE "{schema}".label DROP COLUMN name')
        connection.execute(f"UPDATE \"{schema}\".alembic_version SET version_num = 'an older one'")
        connection.execute("UPDATE engine.generation SET revision = 'an older one'")


def migrate(chain: PostgresChain, schema: str) -> None:
    """What `catalog migrate` does, from the migrations of that past."""
    with psycopg.connect(chain.dsn) as connection:
        connection.execute(f'ALTER TABLE "{schema}".label ADD COLUMN name text')
        newest = run.newest("read_catalog")
        connection.execute(f'UPDATE "{schema}".alembic_version SET version_num = %s', (newest,))
    chain.generations().migrate()  # type: ignore[attr-defined]


def columns(chain: PostgresChain, schema: str) -> list[str]:
    with psycopg.connect(chain.dsn) as connection:
        return columns_of(connection, schema, "label")


@pytest.mark.parametrize("phase", [Phase.FILLING, Phase.CATCHING_UP])
def test_what_was_begun_with_other_migrations_begins_anew(
    chain: PostgresChain, phase: Phase
) -> None:
    chain.say("label", 0, 0, "a")
    generations = chain.generations()
    begun = generations.create(Purpose.SERVE, chain.ends())
    if phase is Phase.CATCHING_UP:
        fill(chain.context, begun, park=False, report=silent)
        begun = generations.finish(begun, lambda _: None)
    of_the_past(chain, begun.schema)
    done = rebuild(chain.context, report=silent)
    assert (done.generation.number, done.resumed) == (begun.number, True)
    assert "name" in columns(chain, "catalog")
    assert chain.content() == chain.replayed()


def test_a_worker_that_was_started_before_writes_the_new_column(chain: PostgresChain) -> None:
    ensure_live(chain.context)
    of_the_past(chain, "catalog")
    worker = chain.worker()
    chain.log.subscriptions[-1].assign(list(chain.log.partitions))
    chain.say("label", 0, 0, "before")
    assert worker.step(0) == 1
    migrate(chain, "catalog")
    chain.say("label", 0, 1, "after")
    while chain.checkpoints() != chain.ends():
        worker.step(0)
    assert chain.content()["label"] == {"label0": ("after", 1)}


def test_a_column_that_a_worker_doesnt_know_is_said(
    chain: PostgresChain, caplog: pytest.LogCaptureFixture
) -> None:
    ensure_live(chain.context)
    with psycopg.connect(chain.dsn) as connection:
        connection.execute("ALTER TABLE catalog.label ADD COLUMN of_the_future text")
    worker = chain.worker()
    chain.log.subscriptions[-1].assign(list(chain.log.partitions))
    chain.say("label", 0, 0, "a")
    with caplog.at_level(logging.WARNING):
        assert worker.step(0) == 1
    assert "doesn't know of_the_future of table label" in caplog.text


def test_a_rollback_brings_the_tables_up_to_date(chain: PostgresChain) -> None:
    ensure_live(chain.context)
    first = rebuild(chain.context, report=silent).generation
    rebuild(chain.context, report=silent)
    schema = f"catalog_g{first.number}"
    with psycopg.connect(chain.dsn) as connection:
        connection.execute(f"UPDATE \"{schema}\".alembic_version SET version_num = 'of the future'")
    with pytest.raises(Refused, match="newer release"):
        rollback(chain.context, report=silent)
    with psycopg.connect(chain.dsn) as connection:
        connection.execute(
            f'UPDATE "{schema}".alembic_version SET version_num = %s', (run.newest("read_catalog"),)
        )
    assert rollback(chain.context, report=silent).number == first.number
