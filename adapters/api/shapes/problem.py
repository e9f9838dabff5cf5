"""What goes wrong (RFC 9457)."""

import msgspec


class ProblemDetails(msgspec.Struct, frozen=True):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str | None = None
    scheme: str | None = None
    """Of a malformed number."""
    rule: str | None = None
    """Which a malformed number breaks."""
