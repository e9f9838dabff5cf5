"""Figures of one run beside its floors and peers, so that the machine's speed cancels out."""

from collections.abc import Sequence

from bench import floors, ingesting, live, rebuilding
from bench.figures import Figure
from bench.peers import handwritten, jdbc_sink, quix

OFF_THE_SHELF = (jdbc_sink.CASE, quix.CASE)


def relations(figures: Sequence[Figure]) -> list[Figure]:
    """Ratios of those figures that the run has."""
    rebuilt = _value(figures, rebuilding.CASE_TOPIC, rebuilding.TOPIC)
    lived = _value(figures, live.CASE, live.NAME)
    consumed = _value(figures, floors.CASE, floors.CONSUME)
    bought = max((f.value for f in figures if f.case in OFF_THE_SHELF and f.value), default=None)
    written = _value(figures, handwritten.CASE, handwritten.NAME)
    taken, parsed, copied = (
        _value(figures, ingesting.CASE, name)
        for name in (ingesting.MESSAGES, ingesting.PARSING, ingesting.COPYING)
    )
    wanted = (
        ("ingestion to parsing alone", taken, parsed, None),
        ("ingestion to COPY alone", taken, copied, None),
        ("rebuild to consuming alone", rebuilt, consumed, 0.25),
        ("rebuild to the fastest off-the-shelf peer", rebuilt, bought, 6.0),
        ("rebuild to the hand-written loop", rebuilt, written, 5.0),
        ("live to the fastest off-the-shelf peer", lived, bought, 1.0),
        ("live to the hand-written loop", lived, written, 1.0),
    )
    return [
        Figure("ratios", name, "×", above / below, goal=goal)
        for name, above, below, goal in wanted
        if above and below
    ]


def _value(figures: Sequence[Figure], case: str, name: str) -> float | None:
    return next((f.value for f in figures if (f.case, f.name) == (case, name)), None)
