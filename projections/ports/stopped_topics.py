"""Topics of which translation reads no more, for those who ask how the chain is.

A translator that stops a topic goes on with others, so nobody would notice but by its log.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a topic stands still, and why."""

    topic: str
    partition: int
    offset: int
    """The first record that is not translated."""
    reason: str
    """A sentence, with what to do."""


class StoppedTopics(Protocol):
    """Remembers the last stop of each partition."""

    def note(self, stop: Stop) -> None:
        """Remember it. Whoever asks holds it against the group's position, so nobody takes it
        back. Raises Unavailable."""
        ...
