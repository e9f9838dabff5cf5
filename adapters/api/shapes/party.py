"""Parties in their roles: artists, labels, licensors."""

from adapters.api.shapes.identifier import Identifier
from adapters.api.shapes.shape import Revision, Shape


class Reference(Shape, frozen=True):
    """Something in short: its id and name."""

    id: str
    name: str | None


class RightsHolder(Reference, frozen=True):
    """A label or licensor, with its DDEX Party Id."""

    dpid: str | None


class Contributor(Shape, frozen=True):
    """A party's part in a release or recording."""

    party_id: str | None
    name: str | None
    role: str | None


class Party(RightsHolder, frozen=True):
    """A party."""

    isni: str | None


class Artist(Reference, frozen=True):
    """An artist."""

    sort_name: str | None
    party: Party | None
    identifiers: list[Identifier]
    revision: Revision


class Label(Reference, frozen=True):
    """A label."""

    party: Party | None
    licensor: RightsHolder | None
    identifiers: list[Identifier]
    revision: Revision
