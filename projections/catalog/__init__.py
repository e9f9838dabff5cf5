"""The read catalog: what a catalog API and the identifier lookup read, one module per subject.

Each module holds a table and the handlers that fill it. To add a subject: a module here, its name
in `CATALOG`, and a migration in `migrations/read_catalog`.
"""

from projections.catalog.tables.artist import ARTIST
from projections.catalog.tables.contributor import CONTRIBUTOR
from projections.catalog.tables.download import DOWNLOAD
from projections.catalog.tables.format import FORMAT
from projections.catalog.tables.identifier import IDENTIFIER
from projections.catalog.tables.label import LABEL
from projections.catalog.tables.licensor import LICENSOR
from projections.catalog.tables.party import PARTY
from projections.catalog.tables.recording import RECORDING
from projections.catalog.tables.related_release import RELATED_RELEASE
from projections.catalog.tables.release import RELEASE
from projections.catalog.tables.row import METADATA
from projections.catalog.tables.streaming import STREAMING
from projections.catalog.tables.track import TRACK
from projections.read_model import ReadModel

CATALOG = ReadModel(
    name="catalog",
    schema="catalog",
    migration_branch="read_catalog",
    projections=(
        PARTY,
        ARTIST,
        LICENSOR,
        LABEL,
        RELEASE,
        RECORDING,
        TRACK,
        FORMAT,
        DOWNLOAD,
        STREAMING,
        IDENTIFIER,
        CONTRIBUTOR,
        RELATED_RELEASE,
    ),
)

__all__ = ["CATALOG", "METADATA"]
