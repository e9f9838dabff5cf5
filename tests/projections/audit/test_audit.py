"""The audit in memory: it finds and heals what happened behind the log's back, nothing else."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Event
from domain.failures import Unusable
from projections.audit import comparison
from projections.audit.audit import AuditContext, Kind, audit_table, look_again
from projections.audit.healing import heal
from projections.ports.master import MasterRow
from tests.projections.engine.memory_log import JsonDecoder, MemoryLog, event
from tests.projections.engine.memory_spool import MemorySpool

TOPIC = "catalog.label"
IDS = [f"label{number}" for number in range(6)]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BROKEN = "a title that can't be translated"


@dataclass
class MemoryMaster:
    """Implements `projections.ports.master.Master`: label id → name, and a log that follows it."""

    log: MemoryLog = field(default_factory=lambda: MemoryLog.of([TOPIC]))
    rows: dict[str, str] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    """Ids whose change is committed and not yet in the log."""
    on_snapshot: Callable[[], None] = lambda: None
    on_await: Callable[[], None] = lambda: None

    @contextmanager
    def snapshot(self) -> Iterator["_Snapshot"]:
        yield _Snapshot(dict(self.rows))
        self.on_snapshot()

    def await_log(self) -> None:
        for id in self.pending:
            self.say(id)
        self.pending.clear()
        self.on_await()

    def put(self, id: str, name: str | None, *, seen: bool = True) -> None:
        """Commit a change; `seen` by capture or not."""
        if name is None:
            self.rows.pop(id, None)
        else:
            self.rows[id] = name
        if seen:
            self.pending.append(id)

    def say(self, id: str) -> None:
        """Translate what the row is now."""
        name = self.rows.get(id)
        kind = "LabelRemoved" if name is None else "LabelUpdated"
        self.log.append((TOPIC, int(id[-1]) % 2), id, event(kind, id, name=name))


@dataclass
class _Snapshot:
    held: dict[str, str]

    def rows(self, table: str) -> Iterator[Sequence[MasterRow]]:
        yield from self.rows_of(table, list(self.held))

    def rows_of(self, table: str, ids: Sequence[str]) -> Iterator[Sequence[MasterRow]]:
        rows = [MasterRow(id, id.encode(), self.held[id].encode()) for id in ids if id in self.held]
        for start in range(0, len(rows), 2):
            yield rows[start : start + 2]


def interpret(table: str, row: MasterRow) -> list[tuple[str, bytes, bytes]]:
    """As translation does."""
    if row.value.decode() == BROKEN:
        raise Unusable("label.name: is broken")
    return [(TOPIC, row.key, event("LabelAdded", row.id, name=row.value.decode()))]


def context(master: MemoryMaster) -> AuditContext:
    return AuditContext(master, interpret, master.log, JsonDecoder(), MemorySpool)


@dataclass
class MemoryHealer:
    """Implements `projections.audit.healing.Healer`: the log is told at once."""

    master: MemoryMaster
    written: list[Event] = field(default_factory=list)
    deaf: bool = False
    """Whether capture takes nothing in again."""
    held: Sequence[str] = ()

    def parked(self, table: str) -> Sequence[str]:
        return self.held

    def recapture(self, table: str, ids: Sequence[str] | None) -> None:
        for id in () if self.deaf else ids or list(self.master.rows):
            if id in self.master.rows:
                self.master.say(id)

    def write(self, events: Sequence[Event]) -> None:
        self.written += events
        for one in events:
            kind = type(one).__name__
            self.master.log.append((TOPIC, int(one.id[-1]) % 2), one.id, event(kind, one.id))


names = st.sampled_from(["a", "b"])
changes = st.lists(st.tuples(st.sampled_from(IDS), names | st.none(), st.booleans()), max_size=25)


@given(before=changes, during=changes, rows_per_part=st.sampled_from([1, 100]))
def test_all_that_capture_did_not_see_is_found_and_nothing_else(
    before: list[tuple[str, str | None, bool]],
    during: list[tuple[str, str | None, bool]],
    rows_per_part: int,
) -> None:
    master = MemoryMaster()
    for id, name, seen in before:
        master.put(id, name, seen=seen)
        if seen:
            master.await_log()
    left = list(during)

    def change() -> None:
        if left:
            id, name, _ = left.pop()
            master.put(id, name)

    master.on_snapshot = master.on_await = change
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(comparison, "PER_PART", rows_per_part)
        patched.setattr(comparison, "MOST_BUCKETS", 3)
        patched.setattr("projections.audit.audit.CLOSER_LOOKS", 100)
        found = audit_table(context(master), "label")
    while left:
        change()
    master.await_log()
    said = logged(master.log)
    true = {
        id: Kind.MISSING if id not in said else Kind.GHOST if id not in master.rows else Kind.STALE
        for id in IDS
        if said.get(id) != master.rows.get(id)
    }
    assert found.unsettled == 0
    # Changes that come while it looks may make right what was wrong at first, never the reverse.
    assert true.items() <= {one.id: one.kind for one in found.differences}.items()
    if not during:
        assert true == {one.id: one.kind for one in found.differences}


@given(changes)
def test_what_was_healed_is_clean(before: list[tuple[str, str | None, bool]]) -> None:
    master = MemoryMaster()
    for id, name, seen in before:
        master.put(id, name, seen=seen)
        master.await_log()
    found = audit_table(context(master), "label")
    cure = MemoryHealer(master)
    (healed,) = heal(context(master), cure, [found], NOW, lambda _: False)
    kinds = [one.kind for one in found.differences]
    assert healed.removed == kinds.count(Kind.GHOST)
    assert healed.recaptured == len(kinds) - kinds.count(Kind.GHOST)
    assert not healed.waiting
    assert look_again(context(master), found).is_clean
    assert audit_table(context(master), "label").is_clean
    assert {one.origin.position for one in cure.written} <= {"audit"}


def test_rows_that_do_not_come_are_named_and_the_wait_has_an_end() -> None:
    master = MemoryMaster()
    master.put("label1", "a", seen=False)
    found = audit_table(context(master), "label")
    (healed,) = heal(
        context(master), MemoryHealer(master, deaf=True), [found], NOW, lambda _: False, 3
    )
    assert (healed.recaptured, healed.waiting) == (0, ["label1"])
    again = look_again(context(master), found)
    assert [(one.id, one.kind) for one in again.differences] == [("label1", Kind.MISSING)]


def test_rows_that_wait_behind_a_parked_change_are_named_and_not_waited_for() -> None:
    master = MemoryMaster()
    for id in ("label1", "label2"):
        master.put(id, "a", seen=False)
    found = audit_table(context(master), "label")
    cure = MemoryHealer(master, deaf=True, held=["label1", "label2"])

    def waits(_: float) -> bool:
        raise AssertionError("nothing is waited for")

    (healed,) = heal(context(master), cure, [found], NOW, waits)
    assert (healed.recaptured, healed.waiting, healed.parked) == (0, [], ["label1", "label2"])


def test_a_table_with_countless_differences_is_taken_in_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("projections.audit.audit.MOST_DIFFERENCES", 2)
    master = MemoryMaster()
    for id in IDS:
        master.put(id, "a", seen=False)
    found = audit_table(context(master), "label")
    assert (len(found.differences), found.uncounted) == (2, 4)
    heal(context(master), MemoryHealer(master), [found], NOW, lambda _: False)
    assert look_again(context(master), found).is_clean
    assert audit_table(context(master), "label").is_clean


def logged(log: MemoryLog) -> dict[str, str]:
    """What the log says in the end."""
    state: dict[str, str] = {}
    for records in log.partitions.values():
        for _, key, value in records:
            fields = json.loads(value or b"")
            state.pop((key or b"").decode(), None)
            if fields["event"] != "LabelRemoved":
                state[fields["id"]] = fields["name"]
    return state


def test_a_stale_row_is_told_with_the_fields_that_differ() -> None:
    master = MemoryMaster()
    master.put("label1", "a")
    master.await_log()
    master.put("label1", "b", seen=False)
    (one,) = audit_table(context(master), "label").differences
    assert (one.id, one.kind, one.fields) == ("label1", Kind.STALE, ("name",))


def test_a_change_on_its_way_is_no_difference() -> None:
    master = MemoryMaster()
    master.put("label1", "a")
    master.await_log()
    once = iter(["b"])

    def change() -> None:
        if name := next(once, None):
            master.put("label1", name)
            master.say("label1")  # the log is ahead of the snapshot

    master.on_snapshot = change
    found = audit_table(context(master), "label")
    assert found.is_clean
    assert found.unsettled == 0


def test_a_row_that_changes_on_every_look_is_unsettled_and_no_difference() -> None:
    master = MemoryMaster()
    count = 0

    def change() -> None:
        nonlocal count
        count += 1
        master.put("label1", f"{count}")
        master.say("label1")

    change()
    master.on_snapshot = change
    found = audit_table(context(master), "label")
    assert (found.differences, found.unsettled) == ([], 1)


def test_a_row_that_can_not_be_translated_is_unusable_and_no_ghost() -> None:
    master = MemoryMaster()
    master.put("label1", "a")
    master.await_log()
    master.put("label1", BROKEN, seen=False)
    found = audit_table(context(master), "label")
    assert (found.differences, found.unusable) == ([], 1)
    assert found.reasons == ["label1: label.name: is broken"]
    assert not found.is_clean
