"""Two environments on one Kafka: kept apart by a prefix, and refused without one."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import psycopg
import pytest
from confluent_kafka.admin import AdminClient

from adapters.composition import clients
from adapters.composition.endpoints import Endpoints
from adapters.composition.engines import engine_plan
from adapters.composition.identity import ForeignChain, await_ours, claim, claim_read
from adapters.composition.settings import Settings, load_settings
from adapters.composition.topology import READ_MODELS, project_group, topology, translate_group
from domain.events import SUBJECTS, set_topic_prefix, topic_of
from projections.catalog import CATALOG


@pytest.fixture
def prefixed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings with a prefix, which is forgotten afterwards."""
    monkeypatch.setenv("CATALOG_KAFKA__PREFIX", f"t{secrets.token_hex(4)}.")
    yield load_settings()
    set_topic_prefix("")


def test_a_prefix_stands_before_every_name_on_the_brokers(
    prefixed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = prefixed.kafka.prefix
    plan = topology(prefixed)
    assert [one.name for one in plan.event_topics] == [f"{prefix}catalog.{s}" for s in SUBJECTS]
    assert plan.chain_topic.name == f"{prefix}catalog-chain"
    assert CATALOG.topics[0].startswith(f"{prefix}catalog.")
    groups = [translate_group(prefixed), *(project_group(prefixed, one) for one in READ_MODELS)]
    assert all(group.startswith(prefix) for group in groups)
    assert engine_plan(prefixed).prefix == prefix
    monkeypatch.delenv("CATALOG_KAFKA__PREFIX")
    load_settings()
    assert topic_of("track") == "catalog.track"


@pytest.mark.integration
def test_another_master_on_the_same_topics_is_refused(
    engines: Endpoints, database: str, prefixed: Settings
) -> None:
    topic = topology(prefixed).chain_topic
    clients.topics(engines).apply([topic])
    with psycopg.connect(engines.read_dsn, autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS test_other_master")
        server.execute("CREATE DATABASE test_other_master")
    ours = replace(engines, master_dsn=database, read_dsn=database)
    theirs = database.rpartition("/")[0] + "/test_other_master"
    other = replace(engines, master_dsn=theirs, read_dsn=theirs)
    try:
        claim_read(prefixed, other)  # of no chain yet
        chain = claim(prefixed, ours)
        assert claim(prefixed, ours) == chain, "the same ever after"
        claim_read(prefixed, ours)
        with pytest.raises(ForeignChain, match="Set CATALOG_KAFKA__PREFIX"):
            claim(prefixed, other)
        claim_read(prefixed, other)  # a read database without a chain is made of the log
        with psycopg.connect(theirs, autocommit=True) as connection:
            connection.execute("UPDATE catalog_chain.identity SET id = 'another'")
        with pytest.raises(ForeignChain, match="read database to another"):
            await_ours(prefixed, other, Event())
        with pytest.raises(ForeignChain, match="master to another"):
            claim(prefixed, other)
        assert claim(prefixed, other, adopt=True) == chain
        claim_read(prefixed, other)
        with psycopg.connect(theirs, autocommit=True) as connection:  # as a dump brings it
            connection.execute("UPDATE catalog_chain.identity SET place = 'elsewhere/1'")
        for claiming in (claim, claim_read):
            with pytest.raises(ForeignChain, match=r"is a copy of .* `catalog topics adopt`"):
                claiming(prefixed, other)
        claim(prefixed, other, adopt=True)
        with psycopg.connect(theirs, autocommit=True) as connection:  # of the release before
            connection.execute("ALTER TABLE catalog_chain.identity DROP COLUMN place")
        claim_read(prefixed, other)
        with psycopg.connect(theirs, autocommit=True) as connection:
            placed = connection.execute("SELECT place FROM catalog_chain.identity").fetchone()
        assert placed is not None
        assert placed[0] is not None
    finally:
        with psycopg.connect(engines.read_dsn, autocommit=True) as server:
            server.execute("DROP DATABASE test_other_master WITH (FORCE)")
        admin = AdminClient(dict(engines.kafka))
        admin.delete_topics([topic.name])[topic.name].result()


def test_a_worker_whose_brokers_are_away_waits_until_it_is_told_to_stop(tmp_path: Path) -> None:
    stop = Event()
    stop.set()
    await_ours(load_settings(data=tmp_path), None, stop)  # type: ignore[arg-type]
