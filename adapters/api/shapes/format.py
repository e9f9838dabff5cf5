"""Technical forms of tracks and releases."""

from adapters.api.shapes.shape import Shape


class Format(Shape, frozen=True):
    """A format."""

    code: str | None
    namespace: str | None
    codec: str | None
    bitrate: int | None
    sample_rate: int | None
    bit_depth: int | None
    channels: int | None
