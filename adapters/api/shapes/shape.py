"""The base of all shapes, and what each versioned row carries."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

Revision = Annotated[
    str, Meta(description="Partition and offset of the event that wrote this: changes with it.")
]


Instant = Annotated[datetime, Meta(tz=True)]


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every field is there, always; null where the catalog doesn't know."""
