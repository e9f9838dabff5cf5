"""Streaming rights: deals for every use that keeps no copy."""

from domain.events.streaming import (
    StreamingRightChanged,
    StreamingRightGranted,
    StreamingRightWithdrawn,
)
from projections.catalog.tables.deal import DealTerms, deal_indexes
from projections.read_model import Projection
from projections.read_table import handlers


class StreamingRight(DealTerms, table=True):
    """A right to stream."""

    __tablename__ = "streaming_right"
    __table_args__ = deal_indexes("streaming_right")


STREAMING = Projection(
    "streaming",
    StreamingRight,
    handlers(StreamingRight, StreamingRightGranted, StreamingRightChanged, StreamingRightWithdrawn),
)
