"""Download offers: deals under which a release or track can be bought or kept."""

from dataclasses import dataclass
from typing import ClassVar

from domain.events.deal import DealTerms
from domain.events.event import Effect


@dataclass(frozen=True, kw_only=True)
class DownloadState(DealTerms):
    """What a download is, as the master catalog says it."""

    SUBJECT: ClassVar[str] = "download"


@dataclass(frozen=True, kw_only=True)
class DownloadOffered(DownloadState):
    """A download is on offer."""


@dataclass(frozen=True, kw_only=True)
class DownloadOfferChanged(DownloadState):
    """An offer changed."""


@dataclass(frozen=True, kw_only=True)
class DownloadWithdrawn(DownloadState):
    """An offer is gone."""

    EFFECT: ClassVar[Effect] = Effect.REMOVAL
