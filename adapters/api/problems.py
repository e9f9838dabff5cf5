"""What goes wrong, as a client is told it: RFC 9457 problem details, and never a stack trace."""

from typing import Any

import msgspec

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A request that isn't answered, and why."""

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        """`kind` names the problem for machines, as a relative reference; `more` are members."""
        super().__init__(detail or title)
        self.status = status
        self.headers = headers or {}
        self.members = {"type": f"/problems/{kind}", "title": title, "status": status}
        if detail is not None:
            self.members["detail"] = detail
        self.members |= more

    def body(self) -> bytes:
        """The problem as JSON."""
        return msgspec.json.encode(self.members)


def bad_parameter(detail: str) -> Problem:
    """A parameter that is unknown or isn't of its form."""
    return Problem(400, "bad-parameter", "A parameter is not as it must be", detail)


def unknown_row(kind: str, id_: str) -> Problem:
    """There is no such thing in the catalog."""
    return Problem(404, "unknown", f"There is no such {kind}", f"no {kind} has the id {id_!r}")


def unavailable(seconds: int = 2) -> Problem:
    """The read database is away; it is asked again by the next request."""
    return Problem(
        503,
        "database-away",
        "The read database does not answer",
        "nothing is wrong with the request: send it again",
        {"Retry-After": str(seconds)},
    )


def too_slow() -> Problem:
    """A statement was ended by its time limit."""
    return Problem(
        503,
        "too-slow",
        "The answer took too long",
        "ask for less at a time (a smaller limit, fewer numbers), or later again",
        {"Retry-After": "5"},
    )
