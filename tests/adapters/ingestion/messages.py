"""Small ERN messages, written here, in the forms of 3.8 and 4.3."""

SENDER = "PADPIDA202601170LU"


def envelope(
    body: str, created: str = "2026-01-01T00:00:00Z", root: str = "NewReleaseMessage",
    sender: str | None = SENDER, version: str = "43", number: str = "1",
) -> bytes:  # fmt: skip
    party = "" if sender is None else f"<PartyId>{sender}</PartyId>"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ern:{root} xmlns:ern="http://ddex.net/xml/ern/{version}">
  <MessageHeader>
    <MessageThreadId>T</MessageThreadId><MessageId>{number}</MessageId>
    <MessageSender>{party}<PartyName><FullName>Lanternfish</FullName></PartyName></MessageSender>
    <MessageCreatedDateTime>{created}</MessageCreatedDateTime>
  </MessageHeader>{body}</ern:{root}>""".encode()


def deal(terms: str, *references: str) -> str:
    named = "".join(f"<DealReleaseReference>{r}</DealReleaseReference>" for r in references)
    return f"<ReleaseDeal>{named}<Deal><DealTerms>{terms}</DealTerms></Deal></ReleaseDeal>"


STREAM = (
    "<TerritoryCode>Worldwide</TerritoryCode>"
    "<ValidityPeriod><StartDate>2026-01-01</StartDate></ValidityPeriod>"
    "<CommercialModelType>SubscriptionModel</CommercialModelType>"
    "<UseType>OnDemandStream</UseType>"
)


def album(
    created: str = "2026-01-01T00:00:00Z", *, upc: str = "299000009001", title: str = "Album",
    isrcs: tuple[str, ...] = ("GBLF92690001", "GBLF92690002"), artist: str = "Isolde Brandt",
    deals: str | None = None, release_ids: str | None = None, extra: str = "", number: str = "1",
    sender: str | None = SENDER,
) -> bytes:  # fmt: skip
    """A 4.3 album with a track release for each recording."""
    ids = f"<ICPN>{upc}</ICPN>" if release_ids is None else release_ids
    if deals is None:
        tracks = [f"R{n}" for n, _ in enumerate(isrcs, 1)]
        deals = deal(STREAM, "R0") + (deal(STREAM, *tracks) if tracks else "")
    recordings = "".join(
        f"""<SoundRecording><ResourceReference>A{n}</ResourceReference>
        <SoundRecordingEdition><ResourceId><ISRC>{isrc}</ISRC></ResourceId></SoundRecordingEdition>
        <DisplayTitle><TitleText>{title} {n}</TitleText></DisplayTitle>
        <DisplayArtist><ArtistPartyReference>P1</ArtistPartyReference></DisplayArtist>
        <Duration>PT3M</Duration></SoundRecording>"""
        for n, isrc in enumerate(isrcs, 1)
    )
    items = "".join(
        f"""<ResourceGroupContentItem><SequenceNumber>{n}</SequenceNumber>
        <ReleaseResourceReference>A{n}</ReleaseResourceReference></ResourceGroupContentItem>"""
        for n, _ in enumerate(isrcs, 1)
    )
    track_releases = "".join(
        f"""<TrackRelease><ReleaseReference>R{n}</ReleaseReference>
        <ReleaseId><ProprietaryId Namespace="{SENDER}">{upc}-{n}</ProprietaryId></ReleaseId>
        <ReleaseResourceReference>A{n}</ReleaseResourceReference></TrackRelease>"""
        for n, _ in enumerate(isrcs, 1)
    )
    return envelope(
        f"""<PartyList><Party><PartyReference>P1</PartyReference>
        <PartyName><FullName>{artist}</FullName></PartyName></Party></PartyList>
        <ResourceList>{recordings}</ResourceList>
        <ReleaseList><Release><ReleaseReference>R0</ReleaseReference>
        <ReleaseType>Album</ReleaseType><ReleaseId>{ids}</ReleaseId>
        <DisplayTitle><TitleText>{title}</TitleText></DisplayTitle>
        <DisplayArtist><ArtistPartyReference>P1</ArtistPartyReference></DisplayArtist>
        <ResourceGroup>{items}{extra}</ResourceGroup></Release>{track_releases}</ReleaseList>
        <DealList>{deals}</DealList>""",
        created,
        number=number,
        sender=sender,
    )


def purge(created: str, ids: str = "<ICPN>299000009001</ICPN>") -> bytes:
    """A 3.8 purge."""
    return envelope(
        f"<PurgedRelease><ReleaseId>{ids}</ReleaseId></PurgedRelease>",
        created,
        root="PurgeReleaseMessage",
        version="382",
    )


def single_38(deal_terms: str, created: str = "2026-01-01T00:00:00Z", titles: str = "") -> bytes:
    """A 3.8 single: a release of its own and a track release named by its ISRC."""
    return envelope(
        f"""<ResourceList><SoundRecording>
        <SoundRecordingId><ISRC>GBLF92590001</ISRC></SoundRecordingId>
        <ResourceReference>A1</ResourceReference>
        <ReferenceTitle><TitleText>Reference</TitleText></ReferenceTitle>
        <SoundRecordingDetailsByTerritory><TerritoryCode>DE</TerritoryCode>
        <Title TitleType="DisplayTitle"><TitleText>German</TitleText></Title>
        </SoundRecordingDetailsByTerritory>
        <SoundRecordingDetailsByTerritory><TerritoryCode>Worldwide</TerritoryCode>
        <Title TitleType="DisplayTitle"><TitleText>Tram</TitleText>
        <SubTitle>Live</SubTitle></Title>
        <DisplayArtist><PartyName><FullName>Dvořák Street</FullName></PartyName>
        <ArtistRole>MainArtist</ArtistRole></DisplayArtist>
        </SoundRecordingDetailsByTerritory></SoundRecording></ResourceList>
        <ReleaseList><Release IsMainRelease="true">
        <ReleaseId><ICPN>299000009018</ICPN></ReleaseId><ReleaseReference>R0</ReleaseReference>
        <ReferenceTitle><TitleText>Tram</TitleText></ReferenceTitle>
        <ReleaseResourceReferenceList><ReleaseResourceReference>A1</ReleaseResourceReference>
        </ReleaseResourceReferenceList><ReleaseType>Single</ReleaseType>{titles}</Release>
        <Release><ReleaseId><ISRC>GBLF92590001</ISRC></ReleaseId>
        <ReleaseReference>R1</ReleaseReference>
        <ReleaseResourceReferenceList><ReleaseResourceReference>A1</ReleaseResourceReference>
        </ReleaseResourceReferenceList><ReleaseType>TrackRelease</ReleaseType></Release>
        </ReleaseList><DealList>{deal(deal_terms, "R0")}</DealList>""",
        created,
        version="382",
    )
