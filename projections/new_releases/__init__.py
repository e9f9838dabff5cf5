"""New releases per label and day: a read model of its own beside the catalog, from the same topics.

It is also the example of how little a read model is: two tables with handlers (`release`, `label`),
a migration that makes them and a view over them, and a line in `READ_MODELS`
(docs/how-to/adding-a-read-model.md).
"""

from projections.new_releases.label import LABEL
from projections.new_releases.release import RELEASE
from projections.new_releases.row import METADATA
from projections.read_model import ReadModel

NEW_RELEASES = ReadModel(
    name="new_releases",
    schema="new_releases",
    migration_branch="new_releases",
    projections=(LABEL, RELEASE),
)

__all__ = ["METADATA", "NEW_RELEASES"]
