"""Shows how the rows of two generations differ, for `rebuild` and `verify`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from adapters.cli import tables
from adapters.cli.tables import Figure
from adapters.figures import number

if TYPE_CHECKING:
    from projections.engine.verification import Comparison, Difference, TableComparison


def as_dict(comparison: "Comparison") -> dict[str, object]:
    """For JSON. `differences` are the first hundred per table; `different` counts all."""
    return {
        "equal": comparison.equal,
        "digest": comparison.digest,
        "discarded": comparison.discarded,
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
    """Print a line per table, then the rows that differ with the event that last wrote them."""
    tables.show(
        ("table", "rows", "replayed", "different", "digest"),
        [
            (
                one.table,
                one.live.rows,
                one.replayed.rows,
                Figure(number(one.different) + _waiting(one)),
                "equal" if one.live == one.replayed else "differs",
            )
            for one in comparison.tables
        ],
    )
    for one in comparison.tables:
        for kind, names in (("live", one.only_live), ("replayed", one.only_replayed)):
            if names:
                print(f"{one.table}: only the {kind} one has {', '.join(names)}")
    if comparison.differences:
        tables.show(
            ("table", "id", "what", "column", "live", "replayed", "last event"),
            [row for difference in comparison.differences for row in _rows(difference)],
        )


def _waiting(one: "TableComparison") -> str:
    return f" (+{one.waiting:,} made of parked events)" if one.waiting else ""


def _rows(difference: "Difference") -> Iterator[tuple[str, ...]]:
    topic, partition, offset = difference.position
    what = f"{difference.kind}{', waits' if difference.waiting else ''}"
    head = (difference.table, difference.id, what)
    event = f"{difference.event} at {topic}/{partition}/{offset}"
    if difference.kind != "changed":
        yield (*head, "", "", "", event)
        return
    for name in difference.live:
        values = (str(difference.live[name]), str(difference.replayed[name]))
        yield (*head, name, *values, event)
