"""Which chain the topics and both databases belong to, and that it is the same one.

Two environments on one Kafka would take each other's partitions, and write into each other's
topics, without a word. So a chain has an id, in both databases and in a topic beside its own; who
begins to work holds them against each other.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Event
from uuid import uuid4

import structlog

from adapters.composition import clients
from adapters.composition.databases import master_connection, read_connection
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.composition.topology import topology
from adapters.event_log.producer import producer, write_durably
from adapters.read_database.chain_identity import chain_of, name_chain
from domain.failures import Misconfigured, Unavailable

log = structlog.get_logger("identity")

_KEY = b"chain"
_PAUSE = 1.0


class ForeignChain(Misconfigured):
    """The topics belong to another chain than a database."""


def claim(settings: Settings, endpoints: Endpoints, *, adopt: bool = False) -> str:
    """Hold topics and master against each other, and write down what is missing; returns the id.

    A master without an id isn't that of topics that have one. The topics must be there. `adopt`
    gives the master to the chain of the topics, whatever it belonged to.
    Raises ForeignChain, Unavailable, KafkaFailed.
    """
    topics = _chain_of_topics(settings, endpoints)
    with master_connection(endpoints.master_dsn, "identity") as master:
        found = chain_of(master)
        if topics not in (None, found) and not adopt:
            raise ForeignChain(_told("master", found, topics))
        chain = topics or found or str(uuid4())
        if found != chain:
            name_chain(master, chain)
    if topics is None:
        topic = topology(settings).chain_topic.name
        write_durably(producer(endpoints.kafka), [(topic, _KEY, chain.encode())])
    return chain


def claim_read(settings: Settings, endpoints: Endpoints, *, adopt: bool = False) -> None:
    """Hold topics and read database against each other; one that has no chain takes over theirs.

    Topics that belong to no chain yet are let be. Raises ForeignChain, Unavailable, KafkaFailed.
    """
    topics = _chain_of_topics(settings, endpoints)
    if topics is None:
        return
    with read_connection(endpoints.read_dsn, "identity") as read:
        found = chain_of(read)
        if found not in (None, topics) and not adopt:
            raise ForeignChain(_told("read database", found, topics))
        if found != topics:
            name_chain(read, topics)


def await_ours(settings: Settings, endpoints: Endpoints, stop: Event) -> None:
    """`claim_read` for a worker, which waits for what is away until `stop` is set."""
    while not stop.is_set():
        with suppress(Unavailable):
            claim_read(settings, endpoints)
            return
        log.warning("waiting for brokers and read database")
        stop.wait(_PAUSE)


def _chain_of_topics(settings: Settings, endpoints: Endpoints) -> str | None:
    name = topology(settings).chain_topic.name
    if name not in clients.topics(endpoints).states([name]):
        return None
    found = None
    for record in clients.read_topics(endpoints, [name], "beginning", follow=False):
        if record.key == _KEY and record.value is not None:
            found = record.value.decode(errors="replace")
    return found


def _told(place: str, its: str | None, topics: str | None) -> str:
    return (
        f"the topics belong to the chain {topics}, and the {place} to {its or 'none'}: two"
        " environments on one Kafka need names of their own. Set CATALOG_KAFKA__PREFIX (groups and"
        " event topics) and CATALOG_CONNECT__TOPIC_PREFIX (change topics) for this one. If these"
        " databases take the place of that chain's, as after a restore: `catalog topics adopt`"
    )
