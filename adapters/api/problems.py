"""What goes wrong, as a client is told it: RFC 9457 problem details, and never a stack trace.

`type` tells programs what happened (a relative reference, part of the contract), `title` is HTTP's
own phrase for the status, `detail` tells people what to do.
"""

from typing import Any

import msgspec

MEDIA_TYPE = "application/problem+json"

PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
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


def unknown_row(kind: str, id_: str) -> Problem:
    """There is no such thing in the catalog."""
    return Problem(404, "unknown", f"no {kind} has the id {id_!r}")


class Unanswered(Problem):
    """The read database gave no answer; the same request may have one later (503)."""

    def __init__(self, kind: str, detail: str, retry_after: int) -> None:
        super().__init__(503, kind, detail, {"Retry-After": str(retry_after)})


def unavailable() -> Unanswered:
    """The read database is away; it is asked again by the next request."""
    return Unanswered(
        "database-away",
        "the read database does not answer; nothing is wrong with the request: send it again",
        2,
    )


def too_slow() -> Unanswered:
    """A statement was ended by its time limit."""
    return Unanswered(
        "too-slow",
        "the answer took too long: ask for less at a time (a smaller limit, fewer numbers), or"
        " send it again later",
        5,
    )


def no_catalog() -> Unanswered:
    """The tables that are asked for don't exist."""
    return Unanswered(
        "no-catalog",
        "there is no read catalog yet: it is being made, or waits for `catalog migrate` or"
        " `catalog rebuild`",
        10,
    )
