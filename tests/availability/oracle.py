"""What a message says is on sale, read from its XML alone; it shares no code with the product.

Written from DDEX's rules as docs/reference/availability.md lists them, in the plainest way: for a
release and a country, go through all deals that refer to it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

from lxml import etree

USES = {
    "PermanentDownload", "ConditionalDownload", "TetheredDownload", "SubscriptionDownload",
    "KioskDownload", "Download", "OnDemandStream", "Stream", "NonInteractiveStream",
    "ContentInfluencedStream", "TimeInfluencedStream", "Webcast", "Simulcast", "Podcast", "Rent",
}  # fmt: skip
NOT_FOR_CONSUMERS = {"RightsClaimModel", "PerformanceRoyaltiesModel", "AsPerContract"}
CAPITALS = {
    "AR": "America/Argentina/Buenos_Aires", "AU": "Australia/Sydney", "BR": "America/Sao_Paulo",
    "CA": "America/Toronto", "RU": "Europe/Moscow", "FM": "Pacific/Pohnpei", "UA": "Europe/Kyiv",
    "PS": "Asia/Hebron", "UM": "Pacific/Wake", "UZ": "Asia/Tashkent", "BV": "Europe/Oslo",
    "HM": "Indian/Kerguelen", "XK": "Europe/Belgrade",
}  # fmt: skip
"""Where the first zone that `zone.tab` lists for a country isn't its capital's."""


EUROPE = frozenset({
    "AD", "AL", "AT", "BA", "BE", "BG", "BY", "CH", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB",
    "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MC", "MD", "ME", "MK", "MT", "NL",
    "NO", "PL", "PT", "RO", "RS", "RU", "SE", "SI", "SK", "SM", "UA", "VA",
})  # fmt: skip
"""Group 2120 of CISAC's TIS, as its countries are today."""


def zones() -> dict[str, str]:
    """Country → zone, by IANA's own list."""
    found: dict[str, str] = {}
    for line in files("tzdata.zoneinfo").joinpath("zone.tab").read_text().splitlines():
        if not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            found.setdefault(country, zone)
    return found | CAPITALS


ZONES = zones()


@dataclass(frozen=True)
class Deal:
    """One DealTerms and period."""

    refers_to: frozenset[str]
    included: frozenset[str]
    excluded: frozenset[str]
    begin: str | None
    effective: str | None
    """An EffectiveDate after the day of the message."""
    end: str | None
    is_preorder: bool
    is_takedown: bool
    is_for_consumers: bool
    until: str | None = None
    """When what follows it begins."""
    gratified: frozenset[str] = frozenset()
    """Resources that are to be had while the release is in pre-order."""

    def covers(self, country: str) -> bool:
        """Whether it is for a country; one with a time that can't be read is for none."""
        if any(time and not time[:4].isdigit() for time in (self.begin, self.end, self.until)):
            return False
        if {country, "Worldwide"} & self.excluded:
            return False
        return bool({country, "Worldwide"} & self.included) or not self.included

    def begins(self, country: str) -> datetime | None:
        """When it begins there."""
        given = [instant(d, country, is_end=False) for d in (self.begin, self.effective) if d]
        return max(given, default=None)

    def ends(self, country: str) -> datetime | None:
        """Until when it lasts there."""
        if self.until:
            return instant(self.until, country, is_end=False)
        return instant(self.end, country, is_end=True) if self.end else None


def texts(element: etree._Element, path: str) -> frozenset[str]:
    """What the elements at a path say."""
    return frozenset((e.text or "").strip() for e in element.findall(path)) - {""}


def territories(element: etree._Element, path: str) -> frozenset[str]:
    """Territories as ISO 3166 writes them."""
    known = {"WW": "Worldwide", "WORLDWIDE": "Worldwide", "UK": "GB", "840": "US"}
    found = {known.get(text.upper(), text.upper()) for text in texts(element, path)}
    return frozenset(found - {"2120"} | (EUROPE if "2120" in found else set()))


def instant(written: str, country: str, *, is_end: bool) -> datetime:
    """An ISO date (its first instant, or the instant after its last) or date and time."""
    if zone := re.fullmatch(r"([0-9-]+)Z", written):  # a date of UTC
        read = datetime.fromisoformat(zone[1]).replace(tzinfo=UTC)
        return read + timedelta(days=1) if is_end else read
    numbers = [int(number) for number in written.split("T", maxsplit=1)[0].split("-")]
    if len(numbers) < 3:  # a year or a month
        if is_end:
            numbers[-1] += 1
        year, month = (*numbers, 1)[:2]
        read = datetime(year + month // 13, (month - 1) % 12 + 1, 1)
    else:
        next_day = "T24:00" in written or (is_end and "T" not in written)
        read = datetime.fromisoformat(written.replace("T24:00", "T00:00"))
        read += timedelta(days=1) if next_day else timedelta()
    if read.tzinfo is None:
        read = read.replace(tzinfo=ZoneInfo(ZONES[country]))
    return read.astimezone(UTC)


class Message:
    """A message's deals and releases."""

    def __init__(self, content: bytes) -> None:
        self.root = etree.fromstring(content)
        for element in self.root.iter():
            if isinstance(element.tag, str):
                element.tag = etree.QName(element).localname
        self.deals = list(self._deals())
        self.releases = {
            release.findtext("ReleaseReference"): release
            for release in self.root.findall("ReleaseList/*")
            if release.find("ReleaseReference") is not None
        }

    def _deals(self) -> Iterator[Deal]:
        created = (self.root.findtext("MessageHeader/MessageCreatedDateTime") or "")[:10]
        for holder in self.root.findall("DealList/ReleaseDeal"):
            refers_to = texts(holder, "DealReleaseReference")
            effective = holder.findtext("EffectiveDate")
            for terms in holder.findall("Deal/DealTerms"):
                uses = texts(terms, ".//UseType")
                models = texts(terms, "CommercialModelType")
                flags = [
                    terms.findtext(name) in ("true", "1")
                    for name in ("IsPreOrderDeal", "TakeDown", "AllDealsCancelled")
                ]
                for period in terms.findall("ValidityPeriod") or [etree.Element("none")]:
                    deal = Deal(
                        refers_to,
                        territories(terms, "TerritoryCode"),
                        territories(terms, "ExcludedTerritoryCode"),
                        period.findtext("StartDateTime") or period.findtext("StartDate"),
                        effective if effective and effective > created else None,
                        period.findtext("EndDateTime") or period.findtext("EndDate"),
                        flags[0],
                        flags[1] or flags[2],
                        (not uses or bool(USES & uses))
                        and (not models or bool(models - NOT_FOR_CONSUMERS)),
                        gratified=texts(terms, "InstantGratificationResourceList/*"),
                    )
                    yield deal
                    opens = terms.findtext("PreOrderReleaseDate")
                    if opens and not deal.is_preorder and not deal.is_takedown:
                        yield replace(
                            deal, begin=opens, end=None, until=deal.begin, is_preorder=True
                        )

    @property
    def changes_nothing(self) -> bool:
        """A test message, or one whose deals refer to a release that isn't in it: none is read."""
        kind = self.root.findtext("MessageHeader/MessageControlType")
        dealt = {reference for deal in self.deals for reference in deal.refers_to}
        return kind == "TestMessage" or not dealt <= set(self.releases)

    def numbers(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        """Scheme and value of each release's first number, and the release's reference."""
        for reference, release in self.releases.items():
            for scheme, name in (
                ("icpn", "ICPN"),
                ("grid", "GRid"),
                ("proprietary", "ProprietaryId"),
            ):
                value = release.findtext(f"ReleaseId/{name}")
                if value:
                    yield scheme, value.strip(), frozenset({str(reference)})
                    break

    def tracks(self) -> Iterator[tuple[str, frozenset[str], str]]:
        """ISRC of each recording that one release holds whole and one track release is of, the
        references of all releases whose deals are for it, and its own.

        An album's deals are for its tracks (docs/reference/availability.md), and so are those of
        the track release that refers to the recording alone.
        """
        isrcs = {
            element.findtext("ResourceReference"): isrc.strip()
            for element in self.root.findall("ResourceList/*")
            if (isrc := next((e.text for e in element.iter("ISRC") if e.text), None))
        }
        held = {
            reference: {(e.text or "").strip() for e in release.iter("ReleaseResourceReference")}
            for reference, release in self.releases.items()
        }
        for resource, isrc in isrcs.items():
            if list(isrcs.values()).count(isrc) > 1:
                continue
            about = {str(r) for r, resources in held.items() if resource in resources}
            if about:
                yield isrc, frozenset(about), str(resource)

    def countries(self) -> set[str]:
        """All that the message's deals name, and two for the rest of the world."""
        named = {c for d in self.deals for c in d.included | d.excluded if c in ZONES}
        return named | {"DE", "US"}

    def edges(self, references: frozenset[str], country: str) -> set[datetime]:
        """A second before each edge of a period, at it, and a second after it."""
        found = {
            edge
            for d in self.deals
            if d.refers_to & references and d.covers(country)
            for edge in (d.begins(country), d.ends(country))
            if edge is not None
        }
        around = (timedelta(seconds=-1), timedelta(), timedelta(seconds=1))
        return {edge + by for edge in found for by in around} or {datetime(2025, 1, 1, tzinfo=UTC)}

    def state_of_track(
        self, references: frozenset[str], country: str, at: datetime, resource: str
    ) -> set[str]:
        """The states that are right of a track: the best that any of these releases gives it.

        A takedown of one leaves the deals of the others alone. What it gives at once to whom orders
        its release in advance is available while the release is in pre-order.
        """
        for deal in self.deals:
            if deal.refers_to & references and resource in deal.gratified and deal.is_preorder:
                begin, end = deal.begins(country), deal.ends(country)
                has_begun = begin is None or begin <= at
                if deal.covers(country) and has_begun and (end is None or at < end):
                    return {"available"}
        found = [self.state(frozenset({reference}), country, at) for reference in references]
        return next(
            ({best} for best in ("available", "preorder", "upcoming") if {best} in found),
            {"taken_down", "unavailable"},
        )

    def state(self, references: frozenset[str], country: str, at: datetime) -> set[str]:
        """The states that are right."""
        deals = [d for d in self.deals if d.refers_to & references and d.covers(country)]
        begun = [d for d in deals if (d.begins(country) or at) <= at]
        holding = [d for d in begun if (d.ends(country) or at + timedelta(1)) > at]
        if any(d.is_takedown for d in holding):
            return {"taken_down", "unavailable"}
        offers = [d for d in holding if d.is_for_consumers]
        if offers:
            return {"preorder" if all(d.is_preorder for d in offers) else "available"}
        if any(d.is_for_consumers and not d.is_takedown for d in deals if d not in begun):
            return {"upcoming"}
        return {"unavailable", "taken_down"}
