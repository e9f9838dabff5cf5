"""Which chain the topics and both databases belong to, and that it is the same one.

Two environments on one Kafka would take each other's partitions, and write into each other's
topics, without a word. So a chain has an id, in both databases and in a topic beside its own; who
begins to work holds them against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
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

CHAIN, MOVED_TO, FILLED_FROM = b"chain", b"moved-to", b"filled-from"
"""Keys of the chain topic's records; `composition.moving` writes the last two."""
_PAUSE = 1.0


class EventsMove(Misconfigured):
    """The events of this chain are in, or on their way to, topics of another prefix."""


@dataclass(frozen=True, slots=True)
class ChainNotes:
    """What the chain topic says."""

    chain: str | None = None
    moved_to: str | None = None
    """The prefix of the topics to which the events are moved."""
    filled_from: str | None = None
    """The prefix of the topics from which these are being filled."""


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
        its = chain_of(master)
        found = None if its is None else its.chain
        if topics not in (None, found) and not adopt:
            raise ForeignChain(_told("master", found, topics))
        if its is not None and its.is_copy and not adopt:
            raise ForeignChain(_copied("master", its.chain))
        chain = topics or found or str(uuid4())
        if its is None or found != chain or its.is_copy or not its.is_placed:
            name_chain(master, chain)
    if topics is None:
        note_chain(endpoints, topology(settings).chain_topic.name, {CHAIN: chain})
    return chain


def claim_read(settings: Settings, endpoints: Endpoints, *, adopt: bool = False) -> None:
    """Hold topics and read database against each other; one that has no chain takes over theirs.

    Topics that belong to no chain yet are let be. Raises ForeignChain, Unavailable, KafkaFailed.
    """
    topics = _chain_of_topics(settings, endpoints)
    if topics is None:
        return
    with read_connection(endpoints.read_dsn, "identity") as read:
        its = chain_of(read)
        found = None if its is None else its.chain
        if found not in (None, topics) and not adopt:
            raise ForeignChain(_told("read database", found, topics))
        if its is not None and its.is_copy and not adopt:
            raise ForeignChain(_copied("read database", its.chain))
        if its is None or found != topics or its.is_copy or not its.is_placed:
            name_chain(read, topics)


def await_ours(settings: Settings, endpoints: Endpoints, stop: Event) -> None:
    """`claim_read` for a worker, which waits for what is away until `stop` is set."""
    while not stop.is_set():
        with suppress(Unavailable):
            claim_read(settings, endpoints)
            return
        log.warning("waiting for brokers and read database")
        stop.wait(_PAUSE)


def chain_notes(endpoints: Endpoints, topic: str) -> ChainNotes:
    """What a chain topic says; nothing where it isn't there. Raises KafkaFailed."""
    if topic not in clients.topics(endpoints).names():
        return ChainNotes()
    found: dict[bytes | None, str | None] = {}
    for record in clients.read_topics(endpoints, [topic], "beginning", follow=False):
        its = None if record.value is None else record.value.decode(errors="replace")
        found[record.key] = its
    return ChainNotes(found.get(CHAIN), found.get(MOVED_TO), found.get(FILLED_FROM))


def note_chain(endpoints: Endpoints, topic: str, notes: Mapping[bytes, str | None]) -> None:
    """Write into a chain topic; None takes a note back. Raises KafkaFailed."""
    records = [(topic, key, None if its is None else its.encode()) for key, its in notes.items()]
    write_durably(producer(endpoints.kafka), records)


def _chain_of_topics(settings: Settings, endpoints: Endpoints) -> str | None:
    """The id of the chain that the topics belong to; None for none. Raises EventsMove."""
    notes = chain_notes(endpoints, topology(settings).chain_topic.name)
    if (to := notes.moved_to) is not None:
        raise EventsMove(
            f"the events of this chain are moved to topics of the prefix {to!r}: finish it"
            f" (`catalog topics migrate --to {to}`), then set CATALOG_KAFKA__PREFIX={to} for every"
            " process and run `catalog rebuild`"
        )
    if notes.chain is None and notes.filled_from is not None:
        raise EventsMove(
            "these topics are not filled yet: finish it with the former settings"
            f" (CATALOG_KAFKA__PREFIX={notes.filled_from} catalog topics migrate --to"
            f" {settings.kafka.prefix})"
        )
    return notes.chain


def _copied(place: str, chain: str) -> str:
    return (
        f"this {place} is a copy of the one that belongs to the chain {chain}. {_APART} If it takes"
        " the place of that one, as after a restore or an upgrade of the server: `catalog topics"
        " adopt`"
    )


_APART = (
    "Two environments on one Kafka need names of their own: set CATALOG_KAFKA__PREFIX (groups and"
    " event topics) and CATALOG_CONNECT__TOPIC_PREFIX (change topics) for this one."
)


def _told(place: str, its: str | None, topics: str | None) -> str:
    return (
        f"the topics belong to the chain {topics}, and the {place} to {its or 'none'}: two"
        " environments on one Kafka need names of their own. Set CATALOG_KAFKA__PREFIX (groups and"
        " event topics) and CATALOG_CONNECT__TOPIC_PREFIX (change topics) for this one. If these"
        " databases take the place of that chain's, as after a restore: `catalog topics adopt`"
    )
