"""The loop of a translating process: one session after another, until it is told to stop.

What passes is waited for. A session whose writer or membership was taken away begins anew: brokers
that are replaced take them away too, so it isn't always a second process. A real one takes them
again and again, and that has an end.
"""

import logging
from collections import deque
from collections.abc import Callable
from contextlib import closing
from threading import Event
from time import monotonic

from domain.failures import Refused, Unavailable
from projections.ports.change_log import Superseded
from projections.translation.context import TranslationContext
from projections.translation.pause import Pause
from projections.translation.session import Session

log = logging.getLogger(__name__)

MOST_TAKEOVERS = 6
TAKEOVER_SECONDS = 60.0
_TAKEOVER_PAUSE = 0.25


def run(context: TranslationContext, stop: Event) -> None:
    """Translate until `stop` is set.

    Raises Refused where another process keeps taking this instance over or a topic's records are
    not where translation left them, Misconfigured where the brokers or contracts aren't as they
    have to be.
    """
    takeovers, pause = Takeovers(), Pause()
    while not stop.is_set():
        try:
            with closing(Session(context)) as session:
                session.run(stop, pause)
            return
        except Superseded as error:
            seconds = takeovers.note(error)
            log.warning("membership lost, joining again in %.1f s: %s", seconds, error)
        except Unavailable as error:
            seconds = pause.next()
            log.warning("waiting %.1f s for what is away: %s", seconds, error)
        context.counters.rejoined += 1
        stop.wait(seconds)


class Takeovers:
    """Counts how often this instance was taken over lately."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._when: deque[float] = deque()

    def note(self, error: Superseded) -> float:
        """Once more: seconds to wait before joining again.

        Raises Refused where that is too often for brokers that are replaced.
        """
        now = self._clock()
        self._when.append(now)
        while self._when[0] < now - TAKEOVER_SECONDS:
            self._when.popleft()
        if len(self._when) > MOST_TAKEOVERS:
            raise Refused(
                f"another process of the same instance name keeps taking this one over"
                f" ({len(self._when)} times within {TAKEOVER_SECONDS:.0f} s; {error}):"
                " give each its own (--instance)"
            ) from error
        return _TAKEOVER_PAUSE * len(self._when)
