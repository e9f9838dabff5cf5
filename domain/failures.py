"""What may fail, and what is done about it: one tree for all floors.

    Failure
    ├── Unusable        this record, row or file is at fault: it is parked or quarantined, and
    │                   everything else goes on
    ├── Unavailable     a system is away or busy: it is waited for and asked again, with a pause
    │                   that grows up to a bound
    ├── Refused         what was asked for can't be: nothing was done, the message says what to do
    │   └── WrongUsage      the command or one of its arguments is wrong
    ├── Misconfigured   a setting or a step of installing is wrong or missing: the process stops
    │                   and names it
    └── Unhealthy       the service answers, but is unhealthy or behind

Every port documents which of these it raises. An adapter translates the exceptions of its library
where it calls it, once. Where records are judged, everything that isn't `Unavailable` is the
record's fault: see `reason_of`. What is no `Failure` anywhere else is a fault of this software.

Everything below the command line raises; only `adapters.cli.main` prints and exits.
"""

from __future__ import annotations

LONGEST_REASON = 1_000
"""Characters of a reason that are kept: a reason may quote a value, and a value may be of any
length."""


class Failure(Exception):
    """Something failed; the message names what, and what to do. Exit code 1."""

    exit_code = 1


class Unusable(Failure):
    """A record, row or file is at fault. The message is the reason that is kept with it."""


class Unavailable(Failure):
    """A system does not answer, or asks to try again: nothing is wrong with what it was given."""


class Refused(Failure):
    """What was asked for can't be; nothing was done."""


class WrongUsage(Refused):
    """The command, or what was given to it, is wrong; nothing was done. Exit code 2."""

    exit_code = 2


class Misconfigured(Failure):
    """A setting is wrong, unknown or missing; the message names it and the cure. Exit code 2."""

    exit_code = 2


class NotMigrated(Misconfigured):
    """The read database lacks the engine's tables."""

    exit_code = 1

    def __init__(self) -> None:
        super().__init__("the read database has no tables of the engine yet: run `catalog migrate`")


class Unhealthy(Failure):
    """The service answers but is unhealthy or behind. Exit code 3."""

    exit_code = 3


def reason_of(error: BaseException) -> str:
    """Why a record can't be used, in one text of at most `LONGEST_REASON` characters.

    A failure of ours speaks for itself; of anything else the type is named too. What is cut off
    is counted, and so is never taken for the whole.
    """
    return bounded(str(error) if isinstance(error, Failure) else f"{type(error).__name__}: {error}")


def bounded(reason: str) -> str:
    """A reason as it can be kept: of at most `LONGEST_REASON` characters, all of them storable."""
    text = reason.replace("\0", "\N{REPLACEMENT CHARACTER}")
    text = text.encode(errors="surrogatepass").decode(errors="replace")
    if len(text) <= LONGEST_REASON:
        return text
    return f"{text[:LONGEST_REASON]} … and {len(text) - LONGEST_REASON} characters more"
