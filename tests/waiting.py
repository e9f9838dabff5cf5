"""How tests wait: for a condition, never for a time."""

import time
from collections.abc import Callable

_PAUSE_S = 0.02


def until(
    condition: Callable[[], object], seconds: float = 90, what: str = "it comes to pass"
) -> None:
    """Ask `condition` until it holds; fail when it doesn't within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(_PAUSE_S)
