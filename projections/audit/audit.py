"""The audit of a table: a first look at everything, then closer ones at what differs.

Changes arrive meanwhile, so what differs at first may only be on its way. Each closer look reads
those rows of the master again, waits until the log holds all that the master had committed by
then, and reads on in the log. A row that differs twice with nothing new on either side is a true
difference: had the log been ahead of the master's snapshot the first time, the second snapshot,
taken later, would show what the log said.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from enum import StrEnum

import polars as pl

from domain.events import topic_of
from domain.failures import Unavailable, reason_of
from domain.translation import TRANSLATIONS
from projections.audit.comparison import DIFFERING, Side, differences, differing
from projections.audit.states import SCHEMA, newest, records_at, states_of, values_of
from projections.ports.event_decoder import EventDecoder
from projections.ports.event_log import EventLog, RecordBatch, TopicPartition
from projections.ports.master import Master, MasterRow
from projections.ports.spool import Spool

CLOSER_LOOKS = 8
"""Then a row that changes all the time is given up as unsettled."""
MOST_DIFFERENCES = 100_000
"""Of a topic. Where more rows differ, the table itself has to be taken in again."""
_MOST_REASONS = 20
_UNCHANGED = ["id", "offset", "digest", "wanted"]
"""What is as before of a row that differs truly: both sides."""

Interpret = Callable[[str, MasterRow], Sequence[tuple[str, bytes, bytes]]]
"""Makes of a table's row the events that translation would write: (topic, key, value). Raises
Unusable for a row of which no event can be made."""


class Kind(StrEnum):
    """How the log differs from the master."""

    MISSING = "missing"
    """The master has the row, the log doesn't."""
    GHOST = "ghost"
    """The log has the row, the master doesn't."""
    STALE = "stale"
    """Both have it, and fields differ."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of which the log says something else than the master."""

    table: str
    topic: str
    id: str
    kind: Kind
    fields: tuple[str, ...] = ()
    """Of a stale row: which differ, sorted."""


@dataclass(frozen=True)
class TableAudit:
    """What was found in one table."""

    table: str
    master_rows: int
    events: int
    """Records of the log that were read."""
    differences: Sequence[Difference]
    unsettled: int
    """Rows that changed on every look, so that nothing can be said of them."""
    uncounted: int
    """Rows that differed at first, beyond `MOST_DIFFERENCES`; none was looked at again."""
    unusable: int
    """Rows of the master of which no event can be made."""
    reasons: Sequence[str]
    """Why, of the first ones."""
    ends: Mapping[TopicPartition, int]
    """How far the log was read."""
    rows: Mapping[str, pl.DataFrame] = field(default_factory=dict, repr=False, compare=False)
    """Topic → the true differences (`DIFFERING`), to look at them again."""

    @property
    def is_clean(self) -> bool:
        """Whether the log says what the master says."""
        return not (self.differences or self.uncounted or self.unusable)


@dataclass(frozen=True)
class AuditContext:
    """What an audit works with."""

    master: Master
    interpret: Interpret
    events: EventLog
    decoder: EventDecoder
    spool: Callable[[], Spool]
    report: Callable[[str, int], None] = lambda table, rows: None
    """Gets the table and the number of rows and records read so far."""


@dataclass
class _Tally:
    """What is counted on the way."""

    master_rows: int = 0
    events: int = 0
    unusable: dict[str, str] = field(default_factory=dict)
    """Id → reason."""


def topics_of(table: str) -> tuple[str, ...]:
    """Event topics that a master table's rows are in. Raises KeyError for one without events."""
    subjects = {one.table: one.subjects for one in TRANSLATIONS}[table]
    return tuple(topic_of(subject) for subject in subjects)


def audit_table(context: AuditContext, table: str) -> TableAudit:
    """Compare a table with the log, whatever changes meanwhile. Raises Unavailable."""
    topics, tally = topics_of(table), _Tally()
    found: dict[str, pl.DataFrame] = {}
    bounds = context.events.bounds(topics)
    size = sum(one.end for one in bounds.values())
    with ExitStack() as stack:
        sides = {
            topic: tuple(stack.enter_context(Side(context.spool, size)) for _ in range(2))
            for topic in topics
        }
        with context.master.snapshot() as snapshot:
            for topic, states in _held(context, table, snapshot.rows(table), tally):
                sides[topic][1].add(states)
                context.report(table, tally.master_rows + tally.events)
        ends = _ends(context, topics)
        for topic, states in _said(context, {}, ends, tally):
            sides[topic][0].add(states)
            context.report(table, tally.master_rows + tally.events)
        for topic, (log, master) in sides.items():
            found[topic] = pl.concat([DIFFERING.to_frame(), *differing(log, master)])
    uncounted = sum(max(0, len(one) - MOST_DIFFERENCES) for one in found.values())
    found = {topic: one.head(MOST_DIFFERENCES) for topic, one in found.items()}
    settled, unsettled, ends = _looked_closer(context, table, found, ends, tally)
    return TableAudit(
        table=table,
        master_rows=tally.master_rows,
        events=tally.events,
        differences=_differences(context, table, settled, tally),
        unsettled=unsettled,
        uncounted=uncounted,
        unusable=len(tally.unusable),
        ends=ends,
        reasons=[f"{id}: {why}" for id, why in list(tally.unusable.items())[:_MOST_REASONS]],
        rows=settled,
    )


def look_again(context: AuditContext, found: TableAudit) -> TableAudit:
    """Look once more at the rows that differed, and only at them: what is made right is known by
    what the log says of them since. Where more differed than were counted, look at the whole table.
    Raises Unavailable.
    """
    if found.uncounted:
        return audit_table(context, found.table)
    tally, ends = _Tally(), dict(found.ends)
    settled, unsettled, ends = _looked_closer(context, found.table, dict(found.rows), ends, tally)
    return replace(
        found,
        differences=_differences(context, found.table, settled, tally),
        unsettled=found.unsettled + unsettled,
        unusable=found.unusable + len(tally.unusable),
        ends=ends,
        reasons=[*found.reasons, *(f"{id}: {why}" for id, why in tally.unusable.items())][
            :_MOST_REASONS
        ],
        rows=settled,
    )


def _ends(context: AuditContext, topics: Sequence[str]) -> dict[TopicPartition, int]:
    """How far the log has to be read to hold all that the master held before this call."""
    context.master.await_log()
    return {partition: one.end for partition, one in context.events.bounds(topics).items()}


def _held(
    context: AuditContext, table: str, rows: Iterator[Sequence[MasterRow]], tally: _Tally
) -> Iterator[tuple[str, pl.DataFrame]]:
    """(topic, states) of the master's rows."""
    for batch in rows:
        tally.master_rows += len(batch)
        for topic, records in _records(context, table, batch, tally).items():
            yield topic, states_of(topic, context.decoder, [records]).rows


def _records(
    context: AuditContext, table: str, rows: Sequence[MasterRow], tally: _Tally
) -> dict[str, RecordBatch]:
    """Topic → the records that translation would write of these rows, numbered from 0."""
    made: dict[str, list[tuple[bytes, bytes]]] = {}
    for row in rows:
        try:
            for topic, key, value in context.interpret(table, row):
                made.setdefault(topic, []).append((key, value))
        except Unavailable:
            raise
        except Exception as error:
            tally.unusable[row.id] = reason_of(error)
        else:
            tally.unusable.pop(row.id, None)
    return {
        topic: RecordBatch(
            topic, 0, range(len(pairs)), [k for k, _ in pairs], [v for _, v in pairs], len(pairs)
        )
        for topic, pairs in made.items()
    }


def _said(
    context: AuditContext,
    start: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    tally: _Tally,
) -> Iterator[tuple[str, pl.DataFrame]]:
    """(topic, states) of the log's records from `start` to `ends`."""
    for batches in context.events.replay(dict(start), dict(ends)):
        for topic in dict.fromkeys(batch.topic for batch in batches):
            its = [batch for batch in batches if batch.topic == topic and len(batch)]
            if its:
                tally.events += sum(map(len, its))
                yield topic, states_of(topic, context.decoder, its).rows


def _looked_closer(
    context: AuditContext,
    table: str,
    found: dict[str, pl.DataFrame],
    ends: dict[TopicPartition, int],
    tally: _Tally,
) -> tuple[dict[str, pl.DataFrame], int, dict[TopicPartition, int]]:
    """Topic → true differences (`DIFFERING`); how many rows would not settle; how far was read."""
    settled = {topic: [DIFFERING.to_frame()] for topic in found}
    closer = _Tally(unusable=tally.unusable)  # rows and records are counted once
    for _ in range(CLOSER_LOOKS):
        ids = _ids(found)
        if not ids:
            break
        with context.master.snapshot() as snapshot:
            held = _collected(_held(context, table, snapshot.rows_of(table, ids), closer))
        reached = _ends(context, tuple(found))
        said = _collected(_said(context, ends, reached, closer))
        ends = reached
        for topic, before in found.items():
            known = newest([before.select(SCHEMA.names()).drop_nulls("offset"), *said[topic]])
            known = known.filter(pl.col("id").is_in(before["id"].to_list()))
            wanted = newest(held[topic]).filter(pl.col("id").is_in(before["id"].to_list()))
            now = differences(known, wanted)
            still = now.join(before, on=_UNCHANGED, how="semi", nulls_equal=True)
            settled[topic].append(still)
            found[topic] = now.join(still, on="id", how="anti")
    true = {topic: pl.concat(frames) for topic, frames in settled.items()}
    return true, len(_ids(found)), ends


def _ids(found: Mapping[str, pl.DataFrame]) -> list[str]:
    return sorted({id for frame in found.values() for id in frame["id"].to_list()})


def _collected(parts: Iterator[tuple[str, pl.DataFrame]]) -> defaultdict[str, list[pl.DataFrame]]:
    collected: defaultdict[str, list[pl.DataFrame]] = defaultdict(list)
    for topic, states in parts:
        collected[topic].append(states)
    return collected


def _differences(
    context: AuditContext, table: str, settled: Mapping[str, pl.DataFrame], tally: _Tally
) -> list[Difference]:
    """Say of each row how it differs; what can't be translated is no difference of the log's."""
    found = []
    for topic, rows in settled.items():
        known = rows.filter(~pl.col("id").is_in(list(tally.unusable)))
        stale = known.drop_nulls(["digest", "wanted"])
        fields = _fields(context, table, topic, stale) if len(stale) else {}
        for row in known.sort("id").iter_rows(named=True):
            kind = _kind(row["digest"], row["wanted"])
            found.append(Difference(table, topic, row["id"], kind, fields.get(row["id"], ())))
    return found


def _kind(digest: int | None, wanted: int | None) -> Kind:
    if digest is None:
        return Kind.MISSING
    return Kind.GHOST if wanted is None else Kind.STALE


def _fields(
    context: AuditContext, table: str, topic: str, stale: pl.DataFrame
) -> dict[str, tuple[str, ...]]:
    """Id → the fields that differ. A row that has changed once more meanwhile may have none."""
    with context.master.snapshot() as snapshot:
        rows = snapshot.rows_of(table, stale["id"].to_list())
        records = [_records(context, table, batch, _Tally()) for batch in rows]
    held = values_of(topic, context.decoder, [one[topic] for one in records if topic in one])
    places = {
        (topic, partition, offset): id
        for id, partition, offset in stale.select("id", "partition", "offset").iter_rows()
    }
    said = values_of(topic, context.decoder, list(records_at(context.events, places)))
    return {
        id: tuple(name for name, value in held[id].items() if said[id][name] != value)
        for id in held.keys() & said.keys()
    }
