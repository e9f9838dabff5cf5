"""Parties, and the artists, labels and licensors that they are.

A party is known by its DPID or ISNI wherever it is named, else by its sender's own number, else by
its name, within its sender: two senders' artists of one name may be two artists.
"""

from collections.abc import Iterable

from lxml.etree import _Element as Element

from adapters.ingestion.ern.header import Header, is_dpid
from adapters.ingestion.ern.reading import all_said, default, is_true, text
from adapters.ingestion.ern.rows import Rows, as_part, identifiers, identifies
from domain.identifiers import Identifier, identify

_ROLES = (
    "DisplayArtistRole",
    "ArtistRole",
    "ResourceContributorRole",
    "IndirectResourceContributorRole",
    "ReleaseContributorRole",
    "ContributorRole",
    "Role",
)
_CONTRIBUTORS = (
    "DisplayArtist",
    "Contributor",
    "ResourceContributor",
    "IndirectResourceContributor",
)


class Parties:
    """Who is named in a message; naming someone adds the rows that say so."""

    def __init__(self, root: Element, header: Header) -> None:
        self.rows = Rows()
        """party, artist, label, licensor and identifier rows."""
        self._prefix = header.prefix
        self._listed: dict[str, tuple[str, str | None, str | None]] = {}
        sender = self._party([header.sender, *header.other_ids], header.sender_name, None)
        behalf = header.behalf
        self.licensor = (
            sender
            if behalf is None
            else self._party([behalf.id] if behalf.id else [], behalf.name, None)
        )
        self.rows.add("licensor", self.licensor, party_id=self.licensor)
        for element in root.findall("PartyList/Party"):
            reference = text(element, "PartyReference")
            if reference:
                self._listed[reference] = self._read(element, reference)

    def artist(self, element: Element) -> str | None:
        """Id of the artist in a DisplayArtist; None if it names nobody."""
        party, name, sort_name = self._named(element)
        if party is None:
            return None
        self.rows.add(
            "artist", party, party_id=party, display_name=name or party, sort_name=sort_name
        )
        return party

    def artist_of_name(self, name: str) -> str:
        """Id of an artist of whom only the name as displayed is said."""
        artist = self._by_name(name)
        self.rows.add("artist", artist, party_id=None, display_name=name, sort_name=None)
        return artist

    def label(self, name: str | None, reference: str | None) -> str | None:
        """Id of a label by its name (3.x) or party reference (4.x)."""
        party = None
        if reference is not None:
            party, listed_name, _ = self._listed.get(reference, (None, reference, None))
            name = listed_name or reference
        if name is None:
            return None
        label = f"{self._prefix}label:{as_part(_folded(name))}"
        self.rows.add("label", label, licensor_id=self.licensor, party_id=party, name=name)
        return label

    def contributors(
        self, rows: Rows, owner_type: str, owner: str, elements: Iterable[Element]
    ) -> None:
        """Add a contributor row for each role of each party among the elements."""
        number = 0
        for element in elements:
            if element.tag not in _CONTRIBUTORS:
                continue
            party, _, _ = self._named(element)
            if party is None:
                continue
            sequence = element.get("SequenceNumber", "")
            for role in all_said(element, *_ROLES) or [str(element.tag)]:
                number += 1
                rows.add(
                    "contributor",
                    f"{owner_type}/{owner}/{number}",
                    owner_type=owner_type,
                    owner_id=owner,
                    party_id=party,
                    role=role,
                    sequence=int(sequence) if sequence.isdecimal() else None,
                )

    def _named(self, element: Element) -> tuple[str | None, str | None, str | None]:
        """Party id, name and sort name of someone who is referred to (4.x) or named (3.x)."""
        for child in element:
            if str(child.tag).endswith("PartyReference"):
                reference = (child.text or "").strip()
                return self._listed.get(reference, (None, None, None))
        if element.find("PartyName") is None and element.find("PartyId") is None:
            return None, None, None
        return self._read(element, None)

    def _read(self, element: Element, reference: str | None) -> tuple[str, str | None, str | None]:
        names = element.findall("PartyName")
        plain = [n for n in names if n.get("LanguageAndScriptCode") is None]
        name = default(plain or names)
        full, key = text(name, "FullName"), text(name, "KeyName")
        before = text(name, "NamesBeforeKeyName")
        sort_name = text(name, "FullNameIndexed") or (f"{key}, {before}" if key and before else key)
        return self._party(_party_ids(element), full, reference), full, sort_name

    def _party(self, ids: list[Identifier], name: str | None, reference: str | None) -> str:
        by_scheme = {i.scheme: i for i in reversed(ids) if identifies(i)}
        dpid, isni = by_scheme.get("dpid"), by_scheme.get("isni")
        own = by_scheme.get("proprietary")
        if dpid is not None:
            party = as_part(dpid.value)
        elif isni is not None:
            party = f"isni:{as_part(isni.value)}"
        elif own is not None:
            party = f"{self._prefix}party:{as_part(own.namespace or '')}:{as_part(own.value)}"
        else:
            party = self._by_name(name or reference or "")
        self.rows.add(
            "party",
            party,
            name=name,
            dpid=dpid.value if dpid else None,
            isni=isni.value if isni else None,
        )
        self.rows.add_identifiers("party", party, ids)
        return party

    def _by_name(self, name: str) -> str:
        return f"{self._prefix}party:{as_part(_folded(name))}"


def _party_ids(element: Element) -> list[Identifier]:
    """Numbers of a party: elements of PartyId (4.x), or its text, known by its attribute (3.x)."""
    holders = element.findall("PartyId")
    ids = identifiers(holders)
    for holder in holders:
        raw = (holder.text or "").strip()
        if len(holder) or not raw:
            continue
        dpid = identify("dpid", raw)
        if is_true(holder.get("IsISNI")):
            ids.append(identify("isni", raw))
        elif is_dpid(holder, raw):
            ids.append(dpid)
        else:
            ids.append(identify("proprietary", raw, holder.get("Namespace")))
    return ids


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
