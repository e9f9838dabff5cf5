"""Whatever capture sends again, each change counts once; nothing new is ever dropped."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.changes import Change, Operation
from domain.failures import Unavailable
from domain.translation import Translation, deduplication, translate
from domain.translation.deduplication import Deduplicator, Verdict, sameness
from tests.domain.translation.histories import content, fold, histories, moved
from tests.domain.translation.test_translation import change

History = tuple[Translation, list[Change], dict[str, dict[str, Any]]]


def is_repeat(
    memory: Deduplicator, change: Change, was_captured: Callable[[Change], bool] = lambda _: True
) -> bool:
    """Whether a change is dropped; in doubt an earlier record says the same, by default."""
    return memory.judge(change, was_captured) is Verdict.REPEAT


def told(changes: list[Change]) -> list[Any]:
    """What the events say, without the offsets at which they say it."""
    return [
        (type(event), event.id, event.changed, content(event))
        for change in changes
        for event in translate(change)
    ]


def captured(before: list[Change]) -> Callable[[Change], bool]:
    """What the change topic says."""
    known = set(map(sameness, before))
    return lambda change: sameness(change) in known


@given(
    histories(),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=3),
    st.sets(st.integers(0, 30), max_size=3),
)
def test_a_prefix_replayed_changes_nothing(
    history: History, runs: list[tuple[int, int]], forgets: set[int]
) -> None:
    """Capture goes back and on as `runs` say; translation restarts before those in `forgets`."""
    _, changes, _ = history
    streamed = [one for one in changes if one.operation is not Operation.READ]
    sent: list[Change] = []
    upto = 0
    for back, on in [*runs, (12, len(streamed))]:
        start = max(0, upto - back)
        upto = min(upto + on, len(streamed))
        sent += streamed[start:upto]
    memory = Deduplicator()
    kept = []
    for offset, one in enumerate(sent):
        if offset in forgets:
            memory = Deduplicator.from_text(memory.to_text())
        if not is_repeat(memory, one, captured(sent[:offset])):
            kept.append(moved(one, offset))
    assert told(kept) == told(streamed)


@given(histories(), st.data())
def test_a_memory_that_forgets_keeps_the_state_right(history: History, data: st.DataObject) -> None:
    _, captured, _ = history
    changes = [one for one in captured if one.operation is not Operation.READ]
    back = data.draw(st.integers(0, len(changes)))
    memory = Deduplicator()
    kept = [one for one in changes if not is_repeat(memory, one)]
    assert kept == changes
    memory = Deduplicator.from_text(memory.to_text(limit=60))
    kept += [one for one in changes[back:] if not is_repeat(memory, one)]
    assert fold(e for one in kept for e in translate(one)) == fold(
        e for one in changes for e in translate(one)
    )


def at(position: str, key: str = "1", seconds: int = 0) -> Change:
    made = change("track", Operation.INSERT, after={"id": key}, key=key)
    instant = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return made._replace(position=position, committed_at=instant)


def test_a_snapshots_read_is_never_a_repeat() -> None:
    memory = Deduplicator()
    assert not is_repeat(memory, at("B"))
    read = at("A")._replace(operation=Operation.READ)
    assert not is_repeat(memory, read)
    assert not is_repeat(memory, read)
    assert is_repeat(memory, at("A"))


def test_a_lower_position_with_a_later_commit_starts_a_new_history() -> None:
    memory = Deduplicator()
    assert not is_repeat(memory, at("F", seconds=10))
    assert is_repeat(memory, at("A", seconds=10))
    assert not is_repeat(memory, at("A", seconds=11))
    assert not is_repeat(memory, at("B", seconds=11))
    assert is_repeat(memory, at("A", seconds=11))


def test_a_clock_that_was_ahead_makes_nothing_pass_for_a_repeat() -> None:
    """The server was restored behind a commit from a clock an hour ahead."""
    memory = Deduplicator()
    sent = [at("D", "1", seconds=10), at("E", "2", seconds=3600), at("F", "3", seconds=20)]
    for one in sent:
        assert memory.judge(one, captured([])) is Verdict.NEW
    assert memory.judge(sent[0], captured(sent)) is Verdict.REPEAT
    restored = at("B", "4", seconds=30)
    assert memory.judge(restored, captured(sent)) is Verdict.NEW_HISTORY
    sent.append(restored)
    assert memory.judge(at("C", "5", seconds=40), captured(sent)) is Verdict.NEW
    assert memory.judge(restored, captured(sent)) is Verdict.REPEAT


def test_what_cannot_be_proven_now_leaves_the_memory_as_it_was() -> None:
    memory = Deduplicator()
    memory.judge(at("D"), captured([]))
    text = memory.to_text()

    def away(_: Change) -> bool:
        raise Unavailable("the brokers are away")

    with pytest.raises(Unavailable):
        memory.judge(at("B"), away)
    assert memory.to_text() == text


def test_a_replica_says_the_same_at_another_position() -> None:
    first = at("2-100/gtid:a:7")._replace(operation=Operation.UPDATE)
    assert sameness(first) == sameness(first._replace(position="1-5/gtid:a:7"))
    assert sameness(first) != sameness(first._replace(position="1-5/gtid:a:8"))
    assert sameness(first) != sameness(first._replace(before={"id": "1"}))
    assert sameness(at("A/1")) != sameness(at("A/2"))


def test_what_follows_the_slash_identifies_without_ordering() -> None:
    memory = Deduplicator()
    assert not is_repeat(memory, at("C/9/1"))
    assert not is_repeat(memory, at("C/3/1"))
    assert is_repeat(memory, at("C/9/1"))
    assert not is_repeat(memory, at("D/1/1"))


def test_the_memory_of_a_copy_fits_into_an_offsets_metadata() -> None:
    memory = Deduplicator()
    rows = [at("A", key=str(number)) for number in range(291)]  # the most of one heap page
    assert not any(is_repeat(memory, row) for row in rows)
    text = memory.to_text()
    assert len(text.encode()) <= 4000
    again = Deduplicator.from_text(text)
    assert all(is_repeat(again, row) for row in rows)
    assert (
        Deduplicator.from_text(again.to_text()).to_text() == Deduplicator.from_text(text).to_text()
    )
    assert not is_repeat(again, at("A", key="new"))


def test_a_memory_that_is_full_lets_the_newest_through() -> None:
    memory = Deduplicator()
    first, second = at("A", key="1"), at("A/2", key="1")._replace(operation=Operation.UPDATE)
    assert not is_repeat(memory, first)
    assert not is_repeat(memory, second)
    small = Deduplicator.from_text(memory.to_text(limit=len(memory.to_text()) - 1))
    assert is_repeat(small, first)
    assert not is_repeat(small, second)


def test_a_memory_is_read_back_as_it_was_written() -> None:
    memory = Deduplicator()
    assert not is_repeat(memory, at("A", key="1")._replace(committed_at=None))
    assert not is_repeat(memory, at("A", key="2")._replace(committed_at=None))
    text = memory.to_text()
    assert text.startswith("1 A  ")
    again = Deduplicator.from_text(text)
    assert not is_repeat(again, at("A", key="3")._replace(committed_at=None))
    assert again.to_text().startswith(text), "what was read comes before what is new"
    third = Deduplicator.from_text(again.to_text())
    for key in "123":
        assert is_repeat(third, at("A", key=key))
    assert Deduplicator.from_text(memory.to_text(limit=1)).to_text(limit=1) == "1 A  "


def test_a_memory_of_one_position_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deduplication, "_MOST", 2)
    memory = Deduplicator()
    for key in "123":
        assert not is_repeat(memory, at("A", key=key))
    assert is_repeat(memory, at("A", key="2"))
    assert not is_repeat(memory, at("A", key="3"))


def test_a_foreign_text_is_refused() -> None:
    assert Deduplicator.from_text("").to_text() == ""
    assert Deduplicator.from_text(None).to_text() == ""
    for text in ("x", "2 A 1 ", "1 A 1 short"):
        with pytest.raises(ValueError, match="no memory of repeats"):
            Deduplicator.from_text(text)
