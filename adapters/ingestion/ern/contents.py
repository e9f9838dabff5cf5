"""Which recordings stand where on a release."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from lxml.etree import _Element as Element

from adapters.ingestion.ern.reading import children, text


@dataclass(frozen=True)
class Place:
    """One place on a release."""

    reference: str
    """Of the resource that stands there."""
    disc: int
    number: int


def contents(release: Element, recordings: Collection[str]) -> list[Place]:
    """The places of a release at which recordings stand, in order.

    The groups in the outermost group are its discs or components; groups within those (the works
    of a classical album) don't count. Without groups the order of the references is the order.
    """
    places: list[Place] = []
    for group in children(release, "ResourceGroup"):
        inner = group.findall("ResourceGroup")
        places += _numbered(_items(group, recordings, deep=not inner), 1)
        for position, component in enumerate(inner, start=1):
            disc = _number(component) or position
            places += _numbered(_items(component, recordings, deep=True), disc)
    grouped = {place.reference for place in places}
    rest = [r for r in _listed(release) if r in recordings and r not in grouped]
    taken = Counter(place.disc for place in places)[1]
    return places + [Place(r, 1, taken + n) for n, r in enumerate(dict.fromkeys(rest), start=1)]


def references(release: Element) -> set[str]:
    """All resources that a release refers to; none may dangle."""
    grouped = {
        (e.text or "").strip()
        for group in children(release, "ResourceGroup")
        for name in ("ReleaseResourceReference", "LinkedReleaseResourceReference")
        for e in group.iter(name)
    }
    return (grouped | set(_listed(release))) - {""}


def components(release: Element) -> list[Element]:
    """The ReleaseIds of a release's components (the albums in a box)."""
    return [
        holder
        for group in children(release, "ResourceGroup")
        for component in group.findall("ResourceGroup")
        for holder in component.findall("ReleaseId")
    ]


def _listed(release: Element) -> list[str]:
    found = release.findall("ReleaseResourceReferenceList/ReleaseResourceReference")
    found += release.findall("ReleaseResourceReference")
    return [(e.text or "").strip() for e in found]


def _items(group: Element, recordings: Collection[str], deep: bool) -> list[tuple[str, int | None]]:
    """Reference and number of each recording's item, at any depth or in the group itself."""
    name = "ResourceGroupContentItem"
    return [
        (reference, _number(item))
        for item in (group.iter(name) if deep else group.findall(name))
        for element in item.findall("ReleaseResourceReference")
        if element.get("ReleaseResourceType") != "SecondaryResource"
        and (reference := (element.text or "").strip()) in recordings
    ]


def _numbered(items: list[tuple[str, int | None]], disc: int) -> Iterator[Place]:
    """Numbers as said, unless some are missing or said twice: then as counted."""
    said = [number for _, number in items]
    usable = None not in said and len(set(said)) == len(said)
    for position, (reference, number) in enumerate(items, start=1):
        yield Place(reference, disc, number if usable and number is not None else position)


def _number(element: Element) -> int | None:
    written = text(element, "SequenceNumber")
    return int(written) if written and written.isdecimal() and len(written) < 9 else None
