"""Query parameters: strictly what an endpoint declares, in the types that it declares."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

from adapters.api.problems import Problem, bad_parameter
from domain import territories
from projections.catalog.queries.availability import USAGE_TYPES

_USAGE = "|".join(USAGE_TYPES)

Country = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z]{2}(-[A-Za-z0-9]{1,3})?$",
        description="ISO 3166-1 alpha-2 (DE), or ISO 3166-2 for a part of one (US-NY). "
        "Without: offers anywhere.",
        examples=["GB"],
    ),
]
UsageTypes = Annotated[
    str,
    Meta(
        pattern=f"^({_USAGE})(,({_USAGE}))*$",
        description=f"Uses that count, comma-separated: {', '.join(USAGE_TYPES)}. Default: all.",
        examples=["download,subscription_stream"],
    ),
]
Instant = Annotated[
    datetime,
    Meta(
        tz=True,
        description="RFC 3339 with an offset. Default: now.",
        examples=["2026-03-01T00:00:00Z"],
    ),
]
Since = Annotated[
    datetime,
    Meta(tz=True, description="RFC 3339 with an offset.", examples=["2026-03-01T00:00:00Z"]),
]
Limit = Annotated[int, Meta(ge=1, le=200, description="Items of a page at most.")]
Cursor = Annotated[
    str, Meta(max_length=2000, description="`next_cursor` of the page before, unchanged.")
]
Words = Annotated[str, Meta(min_length=3, max_length=200)]


WHOLE_NUMBERS = frozenset({"limit"})
"""Parameters that are numbers."""
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing may be asked."""

    def __post_init__(self) -> None:
        """Instants are kept in UTC: PostgreSQL takes no offset beyond 15:59, RFC 3339 does."""
        for name in self.__struct_fields__:
            given = getattr(self, name)
            if isinstance(given, datetime):
                msgspec.structs.force_setattr(self, name, _in_utc(name, given))


def _in_utc(name: str, given: datetime) -> datetime:
    try:
        return given.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"`{name}` lies outside the years 1 to 9999 in UTC") from None


class AvailabilityParameters(NoParameters, frozen=True):
    """What decides availability, offers and prices."""

    country: Country | None = None
    usage_types: UsageTypes | None = None
    at: Instant | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for a country that there is none of."""
        super().__post_init__()
        if self.country is not None:
            territories.ask(self.country)

    def as_sql(self, zones: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
        """Parameters of the statements; `zones` are those of the installation."""
        country = self.country and self.country.upper()
        return {
            "country": country,
            "zone": country and territories.zone_of(country, zones),
            "usages": self.usage_types and self.usage_types.split(","),
            "at": self.at,
        }


class LookupParameters(AvailabilityParameters, frozen=True):
    """How a number is looked up."""

    namespace: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=256,
                description="Whose number it is (mostly a DPID): for proprietary ids and "
                "catalogue numbers.",
            ),
        ]
        | None
    ) = None


class PageParameters(AvailabilityParameters, frozen=True):
    """A page of releases."""

    limit: Limit = 50
    cursor: Cursor | None = None


class ChangesParameters(PageParameters, frozen=True):
    """Releases in the order in which they changed."""

    updated_since: (
        Annotated[
            datetime,
            Meta(
                tz=True, description="RFC 3339 with an offset.", examples=["2026-03-01T00:00:00Z"]
            ),
        ]
        | None
    ) = None
    label: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    type: Annotated[str, Meta(min_length=1, max_length=100)] | None = None


class SearchParameters(AvailabilityParameters, frozen=True):
    """Words of a title or an artist's name, or both."""

    title: Words | None = None
    artist: Words | None = None
    limit: Limit = 20


class ConflictsParameters(NoParameters, frozen=True):
    """Which contradictions are listed."""

    scheme: Literal["isrc", "gtin", "grid"] = "isrc"
    limit: Limit = 50
    cursor: Cursor | None = None


P = TypeVar("P", bound=NoParameters)


def read_query(query: bytes, kind: type[P]) -> P:
    """Raises Problem for what is unknown, given twice, or not of its form."""
    if not query:
        return kind()
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=20,
        )
    except ValueError as error:
        raise bad_parameter(f"the query string can't be read: {error}") from None
    given = dict(pairs)
    if len(given) < len(pairs):
        raise bad_parameter("a parameter is given twice")
    if unknown := sorted(given.keys() - set(kind.__struct_fields__)):
        known = ", ".join(kind.__struct_fields__) or "none"
        raise bad_parameter(f"there is no parameter {unknown[0]!r} here; there are: {known}")
    if any("\x00" in value for value in given.values()):
        raise bad_parameter("a parameter holds a NUL character")
    try:
        return msgspec.convert({name: _typed(name, text) for name, text in given.items()}, kind)
    except msgspec.ValidationError as error:
        raise bad_parameter(str(error).replace("$.", "")) from None


def _typed(name: str, text: str) -> object:
    """A value in its parameter's type, by one spelling only: no `1e2`, `5.0`, `null` or `+1`.

    (msgspec's own conversion from text takes these, and numbers for instants.)
    """
    if name not in WHOLE_NUMBERS:
        return text
    if not _WHOLE_NUMBER.fullmatch(text):
        raise bad_parameter(f"{name} must be a whole number in digits")
    return int(text)


def read_body(body: bytes, kind: type[Any]) -> Any:
    """A JSON body. Raises Problem."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(400, "bad-body", f"the body is not as it must be: {error}") from None
