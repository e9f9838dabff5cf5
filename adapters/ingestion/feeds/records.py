"""CSV records with their line numbers, such that a broken one spoils none of its neighbours.

Records are RFC 4180: UTF-8, commas, doubled quotes, line breaks within quotes. A quote that is
never closed would swallow the rest of the file in most readers; here the line it stands on is
rejected and reading goes on with the next.
"""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_LINES = 100
"""A record may span so many lines; beyond, its quote is taken as never closed."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record that has the right number of columns."""

    line: int
    """Its first line, from 1."""
    fields: list[str]
    content: bytes
    """As it stands in the file."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that is no record."""

    line: int
    content: bytes
    reason: str


def read_header(stream: BinaryIO) -> list[str]:
    """First line's fields, without byte order mark; empty if it is no CSV text."""
    line = stream.readline(1 << 16).removeprefix(b"\xef\xbb\xbf")
    try:
        text = line.decode().rstrip("\r\n")
        return next(csv.reader([text], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return []


def read_records(stream: BinaryIO, width: int, first_line: int = 2) -> Iterator[Record | Reject]:
    """Records of `width` columns and what is none, in file order; blank lines are passed over."""
    lines = _Lines(stream, first_line)
    while (line := lines.take()) is not None:
        number, content = line
        if content.isspace():
            continue
        taken = [content]
        open_quote = content.count(b'"') % 2 == 1
        while open_quote and len(taken) < MAX_LINES and (more := lines.take()) is not None:
            taken.append(more[1])
            open_quote = more[1].count(b'"') % 2 == 0
        outcome = "a quote is never closed" if open_quote else _fields(b"".join(taken), width)
        if isinstance(outcome, list):
            yield Record(number, outcome, b"".join(taken))
        else:
            lines.give_back(number + 1, taken[1:])
            yield Reject(number, content, outcome)


def _fields(content: bytes, width: int) -> list[str] | str:
    """The fields, or the reason why they are none."""
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        return f"not UTF-8: byte {content[error.start]:#04x} at {error.start}"
    if "\0" in text:
        return "holds a NUL character"
    if '"' not in text:
        fields = text.split(",")
    else:
        try:
            fields = next(csv.reader([text], strict=True))
        except csv.Error as error:
            return f"not CSV: {error}"
    if len(fields) != width:
        return f"{len(fields)} columns instead of {width}"
    return fields


class _Lines:
    """Numbered lines of a stream, to which some can be given back."""

    def __init__(self, stream: BinaryIO, first: int) -> None:
        self._stream = stream
        self._next = first
        self._given_back: deque[bytes] = deque()

    def take(self) -> tuple[int, bytes] | None:
        content = self._given_back.popleft() if self._given_back else self._stream.readline()
        if not content:
            return None
        self._next += 1
        return self._next - 1, content

    def give_back(self, number: int, contents: list[bytes]) -> None:
        self._given_back.extendleft(reversed(contents))
        self._next = number
