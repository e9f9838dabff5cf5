"""The one style of tables: columns that fit the terminal, or else a block of lines per row.

Numbers stand to the right, texts to the left. On a terminal a last column of text is wrapped
between words; where even that doesn't fit, each row is shown as `name  value` lines, as psql's
expanded display does. Anywhere else nothing is cut or wrapped, so that whoever reads a pipe finds
a row on a line.
"""

import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TextIO

from adapters.figures import instant, number


class Figure(str):
    """A number with its unit, or one that only names something; aligned to the right."""

    __slots__ = ()


Cell = str | int | datetime | None
"""A text, a number, an instant, or nothing; a `Figure` is a number with its unit."""

_GAP = "  "
_NARROWEST = 24
"""Fewer characters than these are no width for a text."""


def show(
    heads: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    out: TextIO | None = None,
    width: int | None = None,
) -> None:
    """Print a table. `width` is in characters; by default what the terminal has, if it is one."""
    out = out or sys.stdout
    if width is None and out.isatty():
        width = shutil.get_terminal_size().columns
    print("\n".join(lines(heads, list(rows), width)), file=out)


def lines(heads: Sequence[str], rows: Sequence[Sequence[Cell]], width: int | None) -> list[str]:
    """The lines of a table that is at most so many characters wide (None: as wide as it is)."""
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [
        max([_cells(head), *(_cells(part) for row in texts for part in row[index].split("\n"))])
        for index, head in enumerate(heads)
    ]
    if width is not None and sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        left = width - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
        if left < _NARROWEST:
            return _blocks(heads, texts, width)
        texts = [[*row[:-1], "\n".join(_wrapped(row[-1], left))] for row in texts]
        widths[-1] = left
    right = [
        bool(rows) and all(_is_number(row[index]) for row in rows) for index in range(len(heads))
    ]
    shown = [_line(heads, widths, right)]
    for row in texts:
        cells = [cell.split("\n") for cell in row]
        for index in range(max(map(len, cells))):
            parts = [cell[index] if index < len(cell) else "" for cell in cells]
            shown.append(_line(parts, widths, right))
    return shown


def _is_number(cell: Cell) -> bool:
    return cell is None or isinstance(cell, int | Figure)


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return instant(cell)
    if isinstance(cell, int):
        return number(cell)
    # What partners send may hold what moves a terminal's cursor.
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in cell)


def _line(parts: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = []
    for part, width, is_right in zip(parts, widths, right, strict=True):
        space = " " * (width - _cells(part))
        padded.append(space + part if is_right else part + space)
    return _GAP.join(padded).rstrip()


def _blocks(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """A block of lines per row, with an empty line between two."""
    beside = max(map(len, heads)) + len(_GAP)
    found: list[str] = []
    for row in rows:
        if found:
            found.append("")
        for head, cell in zip(heads, row, strict=True):
            for index, part in enumerate(_wrapped(cell, max(width - beside, _NARROWEST))):
                found.append(f"{'' if index else head:{beside}}{part}".rstrip())
    return found


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of whole words, each as long as fits."""
    found: list[str] = []
    for line in text.split("\n"):
        found.append("")
        for word in line.split():
            longer = f"{found[-1]} {word}".lstrip()
            if found[-1] and _cells(longer) > width:
                found.append(word)
            else:
                found[-1] = longer
    return found


def _cells(text: str) -> int:
    """Columns that a terminal takes for a text."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
