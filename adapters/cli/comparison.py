"""Shows how the rows of two generations differ, for `rebuild` and `verify`."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from projections.engine.verification import Comparison, Difference


def as_dict(comparison: "Comparison") -> dict[str, object]:
    """For JSON. `differences` are the first hundred a table; `different` counts all."""
    return {
        "equal": comparison.equal,
        "digest": comparison.digest,
        "tables": [
            {
                "table": table.table,
                "rows": table.live.rows,
                "replayed_rows": table.replayed.rows,
                "digest": table.live.checksum,
                "replayed_digest": table.replayed.checksum,
                "different": table.different,
                "waiting": table.waiting,
                "only_live_columns": list(table.only_live),
                "only_replayed_columns": list(table.only_replayed),
            }
            for table in comparison.tables
        ],
        "differences": [_difference(difference) for difference in comparison.differences],
        "positions": [
            {"topic": topic, "partition": partition, "position": position}
            for (topic, partition), position in sorted(comparison.positions.items())
        ],
    }


def _difference(difference: "Difference") -> dict[str, object]:
    topic, partition, offset = difference.position
    return {
        "table": difference.table,
        "id": difference.id,
        "kind": difference.kind,
        "waiting": difference.waiting,
        "columns": sorted(difference.live.keys() | difference.replayed.keys()),
        "live": {name: _plain(value) for name, value in difference.live.items()},
        "replayed": {name: _plain(value) for name, value in difference.replayed.items()},
        "event": difference.event,
        "topic": topic,
        "partition": partition,
        "offset": offset,
    }


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)


def show(comparison: "Comparison") -> None:
    """Print a line a table, then the rows that differ with the event that last wrote them."""
    console = Console(width=None if Console().is_terminal else 240, highlight=False)
    table = Table("table", "rows", "replayed", "different", "digest", box=None, pad_edge=False)
    for one in comparison.tables:
        waiting = f" (+{one.waiting} behind parked records)" if one.waiting else ""
        table.add_row(
            one.table,
            f"{one.live.rows:,}",
            f"{one.replayed.rows:,}",
            f"{one.different:,}{waiting}",
            "equal" if one.live == one.replayed else "differs",
        )
    console.print(table)
    for one in comparison.tables:
        for kind, names in (("live", one.only_live), ("replayed", one.only_replayed)):
            if names:
                print(f"{one.table}: only the {kind} one has {', '.join(names)}")
    if comparison.differences:
        rows = Table("table", "id", "what", "column", "live", "replayed", "last event")
        for difference in comparison.differences:
            _add(rows, difference)
        console.print(rows)


def _add(rows: Table, difference: "Difference") -> None:
    topic, partition, offset = difference.position
    what = f"{difference.kind}{', waits' if difference.waiting else ''}"
    event = f"{difference.event} at {topic}/{partition}/{offset}"
    if difference.kind != "changed":
        rows.add_row(difference.table, Text(difference.id), what, "", "", "", Text(event))
        return
    for name in difference.live:
        values = (str(difference.live[name]), str(difference.replayed[name]))
        cells = (Text(cell) for cell in (difference.id, what, name, *values, event))
        rows.add_row(difference.table, *cells)
