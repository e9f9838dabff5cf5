"""What goes wrong, as the client sees it: RFC 9457 problem details, and never a stack trace.

`type` tells programs what happened (a relative reference, part of the contract), `title` is HTTP's
own phrase for the status, `detail` tells people what to do.
"""

from typing import Any

import msgspec

from adapters.read_database.querying import NoReadTables, ReadDatabaseAway, TooSlow
from domain.failures import Failure, NotMigrated
from domain.identifiers import Identifier, UnknownScheme

MEDIA_TYPE = "application/problem+json"

PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    410: "Gone",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    421: "Misdirected Request",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""Reason phrases of RFC 9110 and 6585 (`http.HTTPStatus` has other ones in other Pythons)."""


class Problem(Exception):
    """A request that isn't answered, and why."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        """`kind` names the problem for programs, as a relative reference; `more` are members."""
        super().__init__(detail or PHRASES[status])
        self.status = status
        self.headers = headers or {}
        self.members = {"type": f"/problems/{kind}", "title": PHRASES[status], "status": status}
        if detail is not None:
            self.members["detail"] = detail
        self.members |= more

    def body(self) -> bytes:
        """The problem as JSON."""
        return msgspec.json.encode(self.members)


def bad_parameter(detail: str) -> Problem:
    """A parameter that is unknown or isn't of its form."""
    return Problem(400, "bad-parameter", detail)


def former_log() -> Problem:
    """A cursor of changes from before the event topics were made anew or moved."""
    return Problem(
        410,
        "former-log",
        "cursor: it counts in event topics that the catalog is no longer made of. Begin anew"
        " without a cursor: with `updated_since` some time before the last page that you"
        " read, or all over",
    )


def unknown_row(kind: str, id_: str) -> Problem:
    """There is no such thing in the catalog."""
    return Problem(404, "unknown", f"no {kind} has the id {id_!r}")


def malformed(number: Identifier, rule: str) -> Problem:
    """A number that breaks a rule of its scheme, and that nobody wrote like that either."""
    shown = number.raw if len(number.raw) <= 64 else number.raw[:64] + "…"
    detail = f"{shown!r} is no well-formed {number.scheme}: {rule}"
    return Problem(400, "malformed-identifier", detail, scheme=number.scheme, rule=rule)


def unknown_scheme(error: UnknownScheme) -> Problem:
    """There is no such scheme of numbers."""
    return Problem(400, "unknown-scheme", str(error))


def unanswered(failure: Failure) -> Problem | None:
    """What a client sees when the read database gives no answer: the same request may have one
    later. None for a failure of another kind."""
    match failure:
        case ReadDatabaseAway():
            told = "the read database does not answer; nothing is wrong with the request"
            return _later("database-away", f"{told}: send it again", 2)
        case TooSlow():
            told = "ask for less at a time (a smaller limit, fewer numbers), or send it again later"
            return _later("too-slow", f"the answer took too long: {told}", 5)
        case NoReadTables() | NotMigrated():
            told = "it is being made, or waits for `catalog migrate` or `catalog rebuild`"
            return _later("no-catalog", f"there is no read catalog yet: {told}", 10)
    return None


def _later(kind: str, detail: str, seconds: int) -> Problem:
    return Problem(503, kind, detail, {"Retry-After": str(seconds)})
