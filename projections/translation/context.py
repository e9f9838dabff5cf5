"""The ports that translating needs, bundled: wired in one place, passed along as one."""

from collections.abc import Callable
from dataclasses import dataclass, field

from projections.ports.change_log import ChangeLog, OnAssign, OnLost
from projections.ports.dead_letters import DeadLetters
from projections.ports.event_log import EventLog
from projections.ports.event_writer import EventWriter
from projections.ports.stopped_topics import StoppedTopics
from projections.ports.translated_positions import TranslatedPositions
from projections.ports.translation_observer import TranslationObserver
from projections.translation.counters import TranslationCounters
from projections.translation.interpreter import Interpreter
from projections.translation.policy import STRICT, Policy


@dataclass(frozen=True)
class TranslationContext:
    """Where changes come from, where events go, and who observes it."""

    interpreter: Interpreter
    dead_letters: DeadLetters
    open_writer: Callable[[], EventWriter]
    """Opens the writer of this instance; one that another process has is superseded.
    Raises Unavailable, Misconfigured."""
    join: Callable[[OnAssign, OnLost], ChangeLog]
    """Joins the group as this instance. Raises Unavailable, Misconfigured."""
    changes: EventLog
    """Reads the change topics back, where it is in doubt whether a change comes again."""
    stopped_topics: StoppedTopics
    """Told of topics that are read no more."""
    positions: TranslatedPositions | None = None
    """Asked where the group has no positions; without it such partitions begin at their
    beginning."""
    observer: TranslationObserver | None = None
    policy: Policy = STRICT
    counters: TranslationCounters = field(default_factory=TranslationCounters)
