"""A writer whose client never answers; what it does on brokers is in test_translation.py."""

from threading import Event

import pytest

from adapters.event_log import event_writer
from adapters.event_log.event_writer import KafkaEventWriter
from projections.ports.change_log import Position, Superseded


class StuckProducer:
    """Stands for the client's, of which a call waits for good."""

    def __init__(self) -> None:
        self.never = Event()

    def init_transactions(self, _: float) -> None:
        """There is nothing to take over."""

    def send_offsets_to_transaction(self, *_: object) -> None:
        self.never.wait()


def test_positions_that_are_never_answered_end_the_writer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stuck = StuckProducer()
    monkeypatch.setattr(event_writer, "transactional_producer", lambda *_: stuck)
    monkeypatch.setattr(event_writer, "_GRACE_SECONDS", 0.01)
    writer = KafkaEventWriter({}, "w", seconds=0.01)
    try:
        with pytest.raises(Superseded, match="w is stuck with its positions"):
            writer.commit({("t", 0): Position(1, "")}, object())
    finally:
        stuck.never.set()
