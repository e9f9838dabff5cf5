"""Download offers: deals under which a release or track can be bought or kept."""

from domain.events.download import DownloadOfferChanged, DownloadOffered, DownloadWithdrawn
from projections.catalog.tables.deal import DealTerms, deal_indexes
from projections.read_model import Projection
from projections.read_table import handlers


class DownloadOffer(DealTerms, table=True):
    """An offer to download."""

    __tablename__ = "download_offer"
    __table_args__ = deal_indexes("download_offer")


DOWNLOAD = Projection(
    "download",
    DownloadOffer,
    handlers(DownloadOffer, DownloadOffered, DownloadOfferChanged, DownloadWithdrawn),
)
