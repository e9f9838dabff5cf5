"""The read catalog: what a catalog API and the identifier lookup read, a module a subject.

Each module holds a table and the handlers that fill it. To add a subject: a module here, its name
in `CATALOG`, and a migration in `migrations/read_catalog`.
"""

from projections.catalog.artist import ARTIST
from projections.catalog.download import DOWNLOAD
from projections.catalog.format import FORMAT
from projections.catalog.identifier import IDENTIFIER
from projections.catalog.label import LABEL
from projections.catalog.licensor import LICENSOR
from projections.catalog.party import PARTY
from projections.catalog.recording import RECORDING
from projections.catalog.release import RELEASE
from projections.catalog.row import METADATA
from projections.catalog.streaming import STREAMING
from projections.catalog.track import TRACK
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
    ),
)

__all__ = ["CATALOG", "METADATA"]
