"""How long to wait for what is away: longer each time, up to a bound."""

FIRST = 0.1
LONGEST = 5.0


def backoff(attempts: int) -> float:
    """Seconds to wait after so many failed attempts in a row (from 1 on): 0.1, 0.2, … 5.0."""
    # The exponent is bounded too: 2.0 ** 1024 is no float, and something may be away for a day.
    return min(LONGEST, FIRST * 2.0 ** min(attempts - 1, 16))
