"""What earlier records of a partition carried is known, across restarts too."""

from domain.changes import Change, Operation
from domain.translation.seen_columns import SeenColumns
from tests.domain.translation.test_translation import change


def carrying(*names: str, absent: tuple[str, ...] = ()) -> Change:
    row = {"id": "1", **dict.fromkeys((*names, *absent))}
    return change("track", Operation.INSERT, after=row)._replace(absent=frozenset(absent))


def test_what_was_never_there_has_not_vanished() -> None:
    columns = SeenColumns()
    older = carrying("title", absent=("popularity",))
    assert columns.vanished(older) == []
    columns.note(older)
    assert (columns.vanished(older), columns.is_whole) == ([], False)
    columns.note(carrying("title", "popularity"))
    assert columns.is_whole
    assert columns.vanished(older) == ["popularity"]


def test_it_is_read_back_as_it_was_written() -> None:
    columns = SeenColumns()
    columns.note(carrying("title", "popularity"))
    again = SeenColumns.from_text(columns.to_text())
    assert again.to_text() == columns.to_text() == "id,popularity,title"
    assert not again.is_whole, "the columns that are needed may be others by now"
    assert again.vanished(carrying("title", absent=("popularity", "added"))) == ["popularity"]
    assert SeenColumns.from_text("").to_text() == ""


def test_a_delete_says_nothing_of_columns() -> None:
    columns = SeenColumns()
    columns.note(change("track", Operation.DELETE, before={"id": "1"}))
    assert columns.to_text() == ""
