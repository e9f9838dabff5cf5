"""What a message says is on sale, read from its XML alone; it shares no code with the product.

Written from DDEX's rules as docs/reference/availability.md lists them, in the plainest way: for a
release and a country, go through all deals that refer to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
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

    def covers(self, country: str) -> bool:
        """Whether it is for a country."""
        if {country, "Worldwide"} & self.excluded:
            return False
        return bool({country, "Worldwide"} & self.included) or not self.included

    def begins(self, country: str) -> datetime | None:
        """When it begins there."""
        given = [instant(d, country, is_end=False) for d in (self.begin, self.effective) if d]
        return max(given, default=None)

    def ends(self, country: str) -> datetime | None:
        """Until when it lasts there."""
        return instant(self.end, country, is_end=True) if self.end else None


def texts(element: etree._Element, path: str) -> frozenset[str]:
    """What the elements at a path say."""
    return frozenset((e.text or "").strip() for e in element.findall(path)) - {""}


def instant(written: str, country: str, *, is_end: bool) -> datetime:
    """An ISO date (its first instant, or the instant after its last) or date and time."""
    read = datetime.fromisoformat(written)
    if is_end and "T" not in written:
        read += timedelta(days=1)
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
                    yield Deal(
                        refers_to,
                        texts(terms, "TerritoryCode"),
                        texts(terms, "ExcludedTerritoryCode"),
                        period.findtext("StartDateTime") or period.findtext("StartDate"),
                        effective if effective and effective > created else None,
                        period.findtext("EndDateTime") or period.findtext("EndDate"),
                        flags[0],
                        flags[1] or flags[2],
                        (not uses or bool(USES & uses))
                        and (not models or bool(models - NOT_FOR_CONSUMERS)),
                    )

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
