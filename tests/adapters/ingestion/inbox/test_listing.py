"""What is a batch, when it is complete, and in which order batches come."""

from dataclasses import dataclass

from adapters.ingestion.inbox.listing import Patience, delivered
from adapters.ingestion.inbox.store import Entry


def entry(path: str, version: str = "1") -> Entry:
    """A file of an inbox."""
    return Entry(path, 1, version)


@dataclass
class Clock:
    """Time as a test wants it."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_folder_with_a_marker_is_a_batch_wherever_it_lies() -> None:
    found = delivered(
        [
            entry("label/20260102/1/1.xml"),
            entry("label/20260102/BatchComplete_20260102.xml"),
            entry("20260101/1/1.xml"),
            entry("20260101/1/resources/1.flac"),
            entry("20260101/BatchComplete_20260101"),
            entry("other/1.xml"),
            entry("alone.xml"),
        ]
    )
    assert [(b.path, b.marker is not None, len(b.entries)) for b in found] == [
        ("20260101", True, 3),
        ("alone.xml", False, 1),
        ("other", False, 1),
        ("label/20260102", True, 2),
    ]
    assert [b.relative(b.entries[0]) for b in found][:2] == ["1/1.xml", "alone.xml"]


def test_the_date_in_a_name_orders_not_the_priority() -> None:
    markers = [f"{name}/BatchComplete_x" for name in ("P_20260103", "N_20260101", "M_20260102")]
    found = delivered(entry(path) for path in markers)
    assert [b.path for b in found] == ["N_20260101", "M_20260102", "P_20260103"]


def test_a_marker_that_is_still_written_is_waited_for() -> None:
    clock = Clock()
    patience = Patience(settle=2, quiet=None, clock=clock)
    batch = [entry("1/BatchComplete_1.xml")]
    assert patience.sort(delivered(batch)).is_soon
    clock.now = 1
    batch = [entry("1/BatchComplete_1.xml", "2")]  # it grew
    assert not patience.sort(delivered(batch)).ready
    clock.now = 2.9
    assert not patience.sort(delivered(batch)).ready
    clock.now = 3
    assert [b.path for b in patience.sort(delivered(batch)).ready] == ["1"]


def test_without_a_marker_quiet_decides_if_it_is_asked() -> None:
    clock = Clock()
    never, patient = Patience(0, None, clock), Patience(0, 60, clock)
    files = [entry("1/1.xml")]
    assert "no BatchComplete_" in never.sort(delivered(files)).waiting["1"]
    assert "less than 60 seconds" in patient.sort(delivered(files)).waiting["1"]
    clock.now = 30
    more = [*files, entry("1/2.xml")]
    patient.sort(delivered(more))
    clock.now = 89
    assert not patient.sort(delivered(more)).ready
    clock.now = 90
    assert patient.sort(delivered(more)).ready
    assert not never.sort(delivered(more)).is_soon
