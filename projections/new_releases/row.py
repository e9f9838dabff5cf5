"""The base of this read model's tables."""

import sqlalchemy as sa
from sqlalchemy.orm import registry

from projections.read_table import ReadRow


class NewReleasesRow(ReadRow, registry=registry()):
    """A row of the new releases."""


METADATA: sa.MetaData = NewReleasesRow.metadata
"""All tables of the new releases."""
