"""How long to wait after failures in a row: twice as long each time, to a bound."""

LONGEST_PAUSE = 5.0
_SHORTEST_PAUSE = 0.05


class Pause:
    """Seconds to wait; counts failures until something works."""

    def __init__(self) -> None:
        self._last = 0.0

    def next(self) -> float:
        """Another failure."""
        self._last = min(LONGEST_PAUSE, max(_SHORTEST_PAUSE, self._last * 2))
        return self._last

    def reset(self) -> None:
        """It worked."""
        self._last = 0.0
