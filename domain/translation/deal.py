"""Changes of `deal` rows into download and streaming events: one table, two subjects.

The use type says which: a use that leaves the consumer a copy is a download, every other one is a
streaming right. A deal whose use type changes sides is withdrawn on one and granted on the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from domain.changes import Change, Operation
from domain.events import Event, Price
from domain.events.download import (
    DownloadOfferChanged,
    DownloadOffered,
    DownloadState,
    DownloadWithdrawn,
)
from domain.events.streaming import (
    StreamingRightChanged,
    StreamingRightGranted,
    StreamingRightWithdrawn,
    StreamingState,
)
from domain.translation.row import RowState, Translation, Values
from domain.uses import is_download


def price_of(value: object) -> Price:
    """A price from its JSON object in `deal.prices`; raises `ValueError` saying what is wrong."""
    if not isinstance(value, Mapping):
        raise ValueError(f"a price is an object, not {value!r}")
    texts = {name: value.get(name) for name in ("currency", "code", "namespace", "kind")}
    for name, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise ValueError(f"{name} of a price is a text, not {text!r}")
    return Price(amount=_amount_of(value.get("amount")), **texts)


def _amount_of(value: object) -> Decimal | None:
    """At most 12 digits before the point and 6 after it: the contract's decimal(18, 6)."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise ValueError(f"amount of a price is a number, not {value!r}")
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"amount of a price is a number, not {value!r}") from None
    if not amount.is_finite() or abs(amount) >= 10**12:
        raise ValueError(f"amount {value} is beyond 12 digits before the point")
    exponent = amount.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -6:
        raise ValueError(f"amount {value} has more than 6 digits after the point")
    return amount


def prices_of(value: object) -> list[Price]:
    """All prices of a deal, in order."""
    if not isinstance(value, list):
        raise ValueError(f"prices are a list, not {type(value).__name__}")
    return [price_of(item) for item in value]


@dataclass(frozen=True, slots=True)
class _Side:
    granted: type[Event]
    changed: type[Event]
    withdrawn: type[Event]


_download = _Side(DownloadOffered, DownloadOfferChanged, DownloadWithdrawn)
_streaming = _Side(StreamingRightGranted, StreamingRightChanged, StreamingRightWithdrawn)
_state = RowState("deal", DownloadState, readings={"prices": prices_of})
_use_type = _state.names.index("use_type")


def _side_of(values: Values) -> _Side:
    return _download if is_download(values[_use_type]) else _streaming


def translate(change: Change) -> list[Event]:
    """Events of one deal.

    Where the row before isn't known, the deal may have been on either side: it is withdrawn from
    the side where it now isn't (from both when it is deleted), which changes nothing if it never
    was there.
    """
    operation = change.operation
    if operation is Operation.INSERT or operation is Operation.READ:
        after = _state.after(change, None)
        set_fields = _state.changed(None, after)
        return [_state.event(_side_of(after).granted, change, after, set_fields)]
    before = _state.before(change)
    if operation is Operation.DELETE:
        sides = [_side_of(before)] if before is not None else [_download, _streaming]
        return [
            _state.removal(side.withdrawn, change, before, index)
            for index, side in enumerate(sides)
        ]
    after = _state.after(change, before)
    side = _side_of(after)
    if before is not None and _side_of(before) is side:
        changed = _state.changed(before, after)
        return [_state.event(side.changed, change, after, changed)] if changed else []
    other = _streaming if side is _download else _download
    return [
        _state.removal(other.withdrawn, change, before),
        _state.event(side.granted, change, after, _state.changed(None, after), 1),
    ]


TRANSLATION = Translation(
    "deal", DownloadState, translate, (DownloadState.SUBJECT, StreamingState.SUBJECT)
)
