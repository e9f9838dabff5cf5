"""What the chain's tests hold against the master: every table of the catalog."""

from projections.catalog import CATALOG
from tests.chain.agreement import DEALS, SUBJECTS


def test_no_table_of_the_catalog_is_left_out() -> None:
    assert {*SUBJECTS, *DEALS} == {projection.sql.name for projection in CATALOG.projections}
