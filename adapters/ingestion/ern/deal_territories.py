"""Where a deal holds: its territories in their normal form, and as sets that can be divided."""

from dataclasses import dataclass

from lxml.etree import _Element as Element

from domain.territories import WORLDWIDE, normalise_all

ValidationError = tuple[str, str, str]
"""Field, value as written, and the rule that it breaks."""


@dataclass(frozen=True)
class Region:
    """A set of territories in normal form: those named, or (`is_rest`) all others."""

    codes: frozenset[str]
    is_rest: bool = False

    def without(self, other: "Region") -> "Region":
        """What is here and not there."""
        return self.within(Region(other.codes, not other.is_rest))

    def within(self, other: "Region") -> "Region":
        """What is here and there."""
        if self.is_rest and other.is_rest:
            return Region(self.codes | other.codes, True)
        if self.is_rest:
            return Region(other.codes - self.codes)
        return Region(self.codes - other.codes if other.is_rest else self.codes & other.codes)

    @property
    def is_empty(self) -> bool:
        """Nowhere."""
        return not self.codes and not self.is_rest


EVERYWHERE = Region(frozenset(), True)


@dataclass(frozen=True)
class Where:
    """The territories of a deal, as its rows have them."""

    territories: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    errors: tuple[ValidationError, ...] = ()

    @property
    def region(self) -> Region:
        """As a set."""
        if WORLDWIDE in self.excluded:
            return Region(frozenset())
        if self.territories and WORLDWIDE not in self.territories:
            return Region(frozenset(self.territories) - frozenset(self.excluded))
        return Region(frozenset(self.excluded), True)

    @property
    def is_closed(self) -> bool:
        """Nowhere; or it isn't known where, or not all of where it doesn't hold."""
        if self.region.is_empty:
            return True
        unknown = {written for _, written, _ in self.errors}
        return bool(self.errors) and (
            any(name == "ExcludedTerritoryCode" for name, _, _ in self.errors)
            or not set(self.territories) - unknown
        )

    def narrowed(self, region: Region) -> "Where":
        """A part of it."""
        codes = tuple(sorted(region.codes))
        if region.is_rest:
            return Where((WORLDWIDE,), codes, self.errors)
        return Where(codes, (), self.errors)


def read_where(terms: Element, is_takedown: bool) -> Where:
    """The territories of DealTerms; unknown ones are errors, kept only where there is nothing else.

    A deal names either territories or excluded ones (ddex.net/dd, ern_DealTerms).
    ExcludedTerritoryCode Worldwide means nowhere (kb.ddex.net, allowed value sets: "Excluded
    territories and Worldwide"). A takedown whose territories can't be read holds everywhere.
    """
    names = ("TerritoryCode", "ExcludedTerritoryCode")
    written = [[(e.text or "").strip() for e in terms.findall(name)] for name in names]
    included, unknown = normalise_all(written[0])
    excluded, unknown_excluded = normalise_all(written[1])
    rule = "must be a territory of ISO 3166 or TIS, or Worldwide"
    errors = [("TerritoryCode", code, rule) for code in unknown]
    errors += [("ExcludedTerritoryCode", code, rule) for code in unknown_excluded]
    if not any(written):
        errors.append(("TerritoryCode", "", "is missing"))
    if is_takedown:
        included, excluded = ([] if unknown else included), ([] if unknown_excluded else excluded)
        return Where(tuple(included), tuple(excluded), tuple(errors))
    return Where(tuple(included or unknown), tuple(excluded), tuple(errors))
