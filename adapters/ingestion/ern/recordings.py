"""Sound recordings and videos of a message, with their formats."""

from collections import Counter
from dataclasses import dataclass

from lxml.etree import _Element as Element

from adapters.ingestion.ern.parties import Parties
from adapters.ingestion.ern.reading import (
    children,
    is_true,
    milliseconds,
    places,
    text,
    title,
    value,
)
from adapters.ingestion.ern.rows import Row, Rows, as_part, identifiers
from domain.identifiers import Identifier, is_placeholder

KINDS = {"SoundRecording": "sound", "Video": "video"}
"""Resources that are recordings; all others (images, texts) only come along."""

_HOLDERS = (
    "ResourceId",
    "SoundRecordingId",
    "VideoId",
    "IndirectSoundRecordingId",
    "IndirectVideoId",
)
_EDITIONS = ("SoundRecordingEdition", "VideoEdition")
_TECHNICAL = ("TechnicalDetails", "TechnicalSoundRecordingDetails", "TechnicalVideoDetails")


@dataclass(frozen=True)
class Recording:
    """One resource of the message, read once and stated for each release that holds it."""

    reference: str
    element: Element
    ids: list[Identifier]
    artist_id: str | None
    duration: str | None

    @property
    def key(self) -> str:
        """What tells it from the others of its release: ISRC, own number, or its reference."""
        for scheme in ("isrc", "proprietary"):
            for identifier in self.ids:
                if identifier.scheme == scheme and not is_placeholder(identifier):
                    return as_part(identifier.value)
        return as_part(self.reference)

    @property
    def state(self) -> Row:
        """Columns that recording and track have in common."""
        main, version = title(self.element)
        return {
            "artist_id": self.artist_id,
            "title": main,
            "version_title": version,
            "display_artist": display_artist(self.element),
            "duration_ms": milliseconds(self.duration) if self.duration else None,
            "parental_warning": value(self.element, "ParentalWarningType"),
        }


def read(root: Element, parties: Parties) -> tuple[dict[str, Recording], set[str]]:
    """Recordings by their reference, and the references of all resources."""
    works = {
        text(work, "MusicalWorkReference"): identifiers(work.findall("MusicalWorkId"))
        for work in root.findall("WorkList/MusicalWork")
    }
    recordings: dict[str, Recording] = {}
    references: set[str] = set()
    said: Counter[str] = Counter()
    for element in root.findall("ResourceList/*"):
        reference = text(element, "ResourceReference")
        if reference is None:
            continue
        references.add(reference)
        if element.tag not in KINDS:
            continue
        said[reference] += 1
        if said[reference] > 1:  # not placed by any release, but kept, and found by its numbers
            reference = f"{reference}~{said[reference]}"
        holders = [e for name in _HOLDERS for e in element.findall(name)]
        for name in _EDITIONS:
            holders += element.findall(f"{name}/ResourceId")
        ids = identifiers(holders)
        for work in element.iter("ResourceMusicalWorkReference"):
            ids += [i for i in works.get((work.text or "").strip(), []) if i not in ids]
        # 4.x names the work in the recording itself.
        ids += [
            i for i in identifiers(element.findall("WorkId")) if i.scheme == "iswc" and i not in ids
        ]
        recordings[reference] = Recording(
            reference, element, ids, artist_of(element, parties), value(element, "Duration")
        )
    return recordings, references


def artist_of(element: Element, parties: Parties) -> str | None:
    """The main artist: the first of them, else the first artist, else who is displayed."""
    artists = children(element, "DisplayArtist")
    named = [(a, parties.artist(a)) for a in artists]
    roles = ("ArtistRole", "DisplayArtistRole")
    main = [i for a, i in named if any(a.findtext(r) == "MainArtist" for r in roles)]
    found = next((i for i in [*main, *(i for _, i in named)] if i is not None), None)
    displayed = value(element, "DisplayArtistName")
    return parties.artist_of_name(displayed) if found is None and displayed else found


def display_artist(element: Element) -> str | None:
    """The artists as they are to be displayed."""
    names = [
        text(artist, "PartyName/FullName")
        for artist in children(element, "DisplayArtist")
        if text(artist, "ArtistRole") in (None, "MainArtist")
    ]
    return value(element, "DisplayArtistName") or ", ".join(filter(None, names)) or None


def add(rows: Rows, recording: Recording, own_id: str, parties: Parties) -> None:
    """Add the recording, its numbers, validation errors and contributors, under an id."""
    element = recording.element
    rows.add(
        "recording",
        own_id,
        licensor_id=parties.licensor,
        kind=KINDS[str(element.tag)],
        language=value(element, "LanguageOfPerformance"),
        pline=value(element, "PLine/PLineText", "*/PLine/PLineText"),
        **recording.state,
    )
    rows.add_identifiers("recording", own_id, recording.ids)
    if not any(i.scheme == "isrc" for i in recording.ids):
        rows.add_validation_error("recording", own_id, "isrc", None, "is missing")
    if recording.duration and milliseconds(recording.duration) is None:
        rule = "must be a duration such as PT3M45S"
        rows.add_validation_error("recording", own_id, "duration", recording.duration, rule)
    said = [child for place in places(element) for child in place]
    parties.contributors(rows, "recording", own_id, said)


def add_formats(rows: Rows, recording: Recording, track_id: str, release_id: str) -> None:
    """Add a format row for each technical description that is not of a preview."""
    number = 0
    for details in recording.element.iter(*_TECHNICAL):
        if is_true(details.findtext("IsPreview")):
            continue
        number += 1
        code = details.find("DeliveryFile/Type")
        rows.add(
            "format",
            f"track/{track_id}/{number}",
            release_id=release_id,
            track_id=track_id,
            code=None if code is None else (code.text or "").strip() or None,
            codec=_codec(details),
            bitrate=_measured(details, ("BitRate", "OverallBitRate", "AudioBitRate"), _KBPS),
            sample_rate=_measured(details, ("SamplingRate", "AudioSamplingRate"), _HZ),
            bit_depth=_measured(details, ("BitsPerSample", "AudioBitsPerSample"), {}),
            channels=_measured(details, ("NumberOfChannels", "NumberOfAudioChannels"), {}),
        )


_KBPS = {"bps": 0.001, "kbps": 1.0, "Mbps": 1000.0}
_HZ = {"Hz": 1.0, "kHz": 1000.0}


def _codec(details: Element) -> str | None:
    for name in ("VideoCodecType", "AudioCodecType"):
        for element in details.iter(name):
            if found := (element.text or "").strip():
                return element.get("UserDefinedValue") or found
    return None


def _measured(details: Element, names: tuple[str, ...], units: dict[str, float]) -> int | None:
    """The first number there is, in the unit that counts 1; None where it can't be read."""
    for name in names:
        for element in details.iter(name):
            try:
                number = float(element.text or "")
            except ValueError:
                continue
            unit = element.get("UnitOfMeasure")
            factor = units.get(unit, 1.0) if unit else 1.0
            whole = number * factor
            return round(whole) if 0 <= whole < 2**31 else None
    return None
