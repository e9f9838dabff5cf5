"""Prices of deals, as senders state them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from py_avro_schema import DecimalMeta


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """An amount or a price code, never both (DDEX: a code stands for an agreed amount)."""

    amount: Annotated[Decimal, DecimalMeta(precision=18, scale=6)] | None = None
    currency: str | None = None
    """ISO 4217; absent where the sender does not say."""
    code: str | None = None
    namespace: str | None = None
    """Whose price code it is."""
    kind: str | None = None
    """What the price is: wholesale, retail, suggested_retail …"""
