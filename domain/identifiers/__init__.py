"""The industry's numbers: parsed, normalised and judged, a module per scheme.

The same rules hold at write (`identify`, which takes whatever a sender wrote and flags its errors)
and at ask (`ask`, which tells a caller what is wrong), so that both meet at one normal form.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from domain.identifiers import dpid, free, grid, gtin, isni, isrc, iswc, placeholder
from domain.identifiers.judgement import Judgement, broken

_JUDGES: MappingProxyType[str, Callable[[str], Judgement]] = MappingProxyType(
    {
        "isrc": isrc.judge,
        "gtin": gtin.judge,
        "grid": grid.judge,
        "iswc": iswc.judge,
        "isni": isni.judge,
        "dpid": dpid.judge,
        "catalog-number": free.judge,
        "proprietary": free.judge,
    }
)
_FREE = frozenset({"catalog-number", "proprietary"})
SCHEMES: tuple[str, ...] = tuple(_JUDGES)
"""Names of the schemes, as they stand in the catalog."""

ALIASES = MappingProxyType(
    {"upc": "gtin", "ean": "gtin", "jan": "gtin", "icpn": "gtin", "barcode": "gtin"}
)
"""Other names under which a scheme may be asked for."""

LONGEST = 256
"""Characters of a value that are kept as its key; no scheme's numbers are that long."""
_NO_TEXT = "it holds control characters or bytes that are not UTF-8"
_TOO_LONG = f"it is longer than {LONGEST} characters"


@dataclass(frozen=True, slots=True)
class Identifier:
    """A number of the industry as someone wrote it, and what it is by its scheme's rules."""

    scheme: str
    """One of `SCHEMES`."""
    value: str
    """Normal form where the value has the scheme's shape, else the raw value, trimmed."""
    raw: str
    """As written."""
    is_valid: bool
    validation_error: str | None
    """The rule that is broken; for a valid value, what is odd about it (an unknown prefix)."""
    namespace: str | None = None
    """Whose number it is: needed to tell catalogue numbers and proprietary ids apart."""


class UnknownScheme(ValueError):
    """A scheme was asked for that there is none of."""

    def __init__(self, scheme: str) -> None:
        super().__init__(
            f"{scheme!r} is no identifier scheme; there are: {', '.join((*SCHEMES, *ALIASES))}"
        )
        self.scheme = scheme


class MalformedIdentifier(ValueError):
    """A value was asked for that its scheme does not allow."""

    def __init__(self, scheme: str, raw: str, rule: str) -> None:
        shown = raw if len(raw) <= 64 else raw[:64] + "…"
        super().__init__(f"{shown!r} is no well-formed {scheme}: {rule}")
        self.scheme = scheme
        self.raw = raw
        self.rule = rule


def scheme_named(name: str) -> str:
    """Scheme of a name or alias, whatever its letter case: `UPC` → `gtin`.

    Raises UnknownScheme.
    """
    folded = name.strip().lower().replace("_", "-")
    scheme = ALIASES.get(folded, folded)
    if scheme not in _JUDGES:
        raise UnknownScheme(name)
    return scheme


def identify(scheme: str, raw: str, namespace: str | None = None) -> Identifier:
    """Judge a value as a sender wrote it. Errors are flagged, never raised.

    Raises UnknownScheme only.
    """
    try:
        judge = _JUDGES[scheme]
    except KeyError:
        raise UnknownScheme(scheme) from None
    trimmed = raw.strip()
    if not is_text(trimmed):
        judgement = broken(trimmed[:LONGEST], _NO_TEXT)
    elif len(trimmed) > LONGEST:
        judgement = broken(trimmed[:LONGEST], _TOO_LONG)
    else:
        judgement = judge(trimmed)
        if placeholder.is_placeholder(trimmed, is_free=scheme in _FREE):
            judgement = broken(judgement.value, placeholder.RULE)
    return Identifier(
        scheme, judgement.value, raw, judgement.is_valid, judgement.validation_error, namespace
    )


def is_placeholder(number: Identifier) -> bool:
    """Whether a number stands for none (`N/A`, zeros)."""
    return number.validation_error == placeholder.RULE


def is_text(raw: str) -> bool:
    """Whether a value is made of characters only: no control codes, no undecoded bytes."""
    return raw.isprintable() or not any(unicodedata.category(c) in ("Cc", "Cs") for c in raw)


def ask(scheme: str, raw: str) -> Identifier:
    """Judge a value that someone asks for, under a scheme's name or alias.

    Raises UnknownScheme, or MalformedIdentifier with the rule that the value breaks.
    A wrong check digit is malformed too; who looks for invalid values that senders wrote
    (`identify`) does so before asking.
    """
    identifier = identify(scheme_named(scheme), raw)
    if not identifier.is_valid:
        raise MalformedIdentifier(
            identifier.scheme, raw, identifier.validation_error or "it is not valid"
        )
    return identifier


__all__ = [
    "ALIASES",
    "SCHEMES",
    "Identifier",
    "MalformedIdentifier",
    "UnknownScheme",
    "ask",
    "identify",
    "is_placeholder",
    "is_text",
    "scheme_named",
]
