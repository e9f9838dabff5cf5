"""Labels: only their names are needed."""

from sqlmodel import Field

from domain.events.label import LabelAdded, LabelRemoved, LabelUpdated
from projections.new_releases.row import NewReleasesRow
from projections.read_model import Projection
from projections.read_table import TEXT, handlers


class Label(NewReleasesRow, table=True):
    """A label's name."""

    name: str | None = Field(default=None, sa_type=TEXT)


LABEL = Projection("label", Label, handlers(Label, LabelAdded, LabelUpdated, LabelRemoved))
