"""The base of the read catalog's tables."""

import sqlalchemy as sa
from sqlalchemy.orm import registry

from projections.read_table import ReadRow


class CatalogRow(ReadRow, registry=registry()):
    """A row of the read catalog."""


METADATA: sa.MetaData = CatalogRow.metadata
"""All tables of the read catalog."""
