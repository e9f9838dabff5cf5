"""ERN messages made by rule: albums of a dozen tracks, and one greater than any real one."""

from collections.abc import Sequence
from pathlib import Path

TRACKS = 12
"""Of an album, as 12 million tracks a year come in a million messages."""
_TERRITORIES = (
    "AT", "BE", "CH", "DE", "DK", "ES", "FI", "FR", "GB", "IE", "IT", "LU", "NL", "NO", "PL", "PT",
    "SE", "US", "CA", "JP",
)  # fmt: skip


def write_albums(folder: Path, count: int) -> list[Path]:
    """A file per album."""
    paths = [folder / f"{number}.xml" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_text(message(number, TRACKS, _TERRITORIES), encoding="utf-8")
    return paths


def write_giant(folder: Path, tracks: int, territories: int) -> Path:
    """An album of so many tracks, each with a deal of its own that names so many territories."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    named = [f"{one}{other}" for one in letters for other in letters][:territories]
    path = folder / "giant.xml"
    path.write_text(message(0, tracks, named), encoding="utf-8")
    return path


def message(number: int, tracks: int, territories: Sequence[str]) -> str:
    """A 4.3 NewReleaseMessage: recordings, track releases, and two deals per release."""
    upc = _with_check(f"29900{number:06}")
    every = range(1, tracks + 1)
    first = number % 1000 * tracks
    recordings = "".join(
        f"<SoundRecording><ResourceReference>A{n}</ResourceReference><SoundRecordingEdition>"
        f"<ResourceId><ISRC>GBLF9{number // 1000:02}{first + n:05}</ISRC></ResourceId>"
        f"</SoundRecordingEdition><DisplayTitle><TitleText>Song {n}</TitleText>"
        "</DisplayTitle><DisplayArtist><ArtistPartyReference>P1</ArtistPartyReference>"
        "</DisplayArtist><Duration>PT3M30S</Duration></SoundRecording>"
        for n in every
    )
    items = "".join(
        f"<ResourceGroupContentItem><SequenceNumber>{n}</SequenceNumber>"
        f"<ReleaseResourceReference>A{n}</ReleaseResourceReference></ResourceGroupContentItem>"
        for n in every
    )
    track_releases = "".join(
        f"<TrackRelease><ReleaseReference>R{n}</ReleaseReference><ReleaseId>"
        f'<ProprietaryId Namespace="PADPIDA202601170LU">{upc}-{n}</ProprietaryId></ReleaseId>'
        f"<ReleaseResourceReference>A{n}</ReleaseResourceReference></TrackRelease>"
        for n in every
    )
    where = "".join(f"<TerritoryCode>{one}</TerritoryCode>" for one in territories)
    deals = "".join(
        f"<ReleaseDeal><DealReleaseReference>R{n}</DealReleaseReference><Deal><DealTerms>{where}"
        "<ValidityPeriod><StartDate>2026-01-01</StartDate></ValidityPeriod>"
        "<CommercialModelType>SubscriptionModel</CommercialModelType>"
        "<UseType>OnDemandStream</UseType></DealTerms></Deal></ReleaseDeal>"
        for n in range(tracks + 1)
    )
    return (
        '<?xml version="1.0"?><ern:NewReleaseMessage xmlns:ern="http://ddex.net/xml/ern/43">'
        f"<MessageHeader><MessageId>M{number}</MessageId><MessageSender>"
        "<PartyId>PADPIDA202601170LU</PartyId></MessageSender>"
        "<MessageCreatedDateTime>2026-01-01T00:00:00Z</MessageCreatedDateTime></MessageHeader>"
        "<PartyList><Party><PartyReference>P1</PartyReference><PartyName>"
        f"<FullName>Band {number % 500}</FullName></PartyName></Party></PartyList>"
        f"<ResourceList>{recordings}</ResourceList><ReleaseList><Release>"
        "<ReleaseReference>R0</ReleaseReference><ReleaseType>Album</ReleaseType>"
        f"<ReleaseId><ICPN>{upc}</ICPN></ReleaseId><DisplayTitle><TitleText>Album {number}"
        "</TitleText></DisplayTitle><DisplayArtist><ArtistPartyReference>P1</ArtistPartyReference>"
        f"</DisplayArtist><ResourceGroup>{items}</ResourceGroup></Release>{track_releases}"
        f"</ReleaseList><DealList>{deals}</DealList></ern:NewReleaseMessage>"
    )


def _with_check(digits: str) -> str:
    """A UPC with its check digit (GS1)."""
    total = sum(int(digit) * (3 if n % 2 == 0 else 1) for n, digit in enumerate(digits))
    return f"{digits}{-total % 10}"
