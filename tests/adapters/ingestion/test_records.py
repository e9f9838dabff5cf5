"""Records of a feed: what is broken is told by its line, and nothing else is lost."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ingestion.feeds import layout
from adapters.ingestion.feeds.records import MAX_LINES, Record, Reject, read_header, read_records

ROWS = st.lists(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
        min_size=3,
        max_size=3,
    ),
    max_size=8,
)


def read(content: bytes, width: int = 3) -> list[Record | Reject]:
    return list(read_records(io.BytesIO(content), width, first_line=1))


def as_csv(rows: list[list[str]]) -> list[str]:
    lines = []
    for row in rows:
        out = io.StringIO()
        csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(row)
        lines.append(out.getvalue())
    return lines


@given(ROWS)
def test_reads_what_csv_writes(rows: list[list[str]]) -> None:
    found = read("".join(as_csv(rows)).encode())
    assert [r.fields for r in found if isinstance(r, Record)] == rows


@given(ROWS, st.data(), st.sampled_from([b'x,"y,z\n', b"a,b\n", b"\xff,b,c\n", b"a,\0,c\n"]))
def test_a_broken_line_spoils_no_other(
    rows: list[list[str]], data: st.DataObject, broken: bytes
) -> None:
    # Fields without quotes and line breaks: after an open quote nobody can tell where those end.
    plain = [["".join(c for c in f if c.isalnum()) + "." for f in row] for row in rows]
    lines = [",".join(row).encode() + b"\n" for row in plain]
    at = data.draw(st.integers(0, len(lines)))
    found = read(b"".join([*lines[:at], broken, *lines[at:]]))
    assert [r.fields for r in found if isinstance(r, Record)] == plain
    [rejected] = [r for r in found if isinstance(r, Reject)]
    assert (rejected.line, rejected.content) == (at + 1, broken)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"a,b\n", "2 columns instead of 3"),
        (b'"a"b,c,d\n', "not CSV"),
        (b"a,\xe4,c\n", "not UTF-8"),
        (b"a,\0,c\n", "NUL"),
        (b'"a,b,c\n', "never closed"),
    ],
)
def test_reasons(line: bytes, reason: str) -> None:
    [rejected] = read(line)
    assert isinstance(rejected, Reject)
    assert reason in rejected.reason


def test_line_numbers_count_lines_of_the_file() -> None:
    found = read(b'a,"b\nb",c\n\nd,e,f\nbad\ng,h,i')
    assert [(type(r).__name__, r.line) for r in found] == [
        ("Record", 1), ("Record", 4), ("Reject", 5), ("Record", 6),
    ]  # fmt: skip


def test_a_quote_may_span_lines_but_not_for_ever() -> None:
    lines = "\n" * (MAX_LINES + 5)
    found = read(f'a,"{lines}",c\nd,e,f\n'.encode())
    assert [r.fields for r in found if isinstance(r, Record)] == [["d", "e", "f"]]


def test_header_without_byte_order_mark_and_in_any_case() -> None:
    header = read_header(io.BytesIO(b"\xef\xbb\xbfTrackID,Title,ISRC,releaseId,more\r\n"))
    found = layout.recognise(header)
    assert found is not None
    assert (found.kind, found.unknown) == ("feed-track-full", ["more"])


@pytest.mark.parametrize("content", [b"", b"a,b,c\n", b"\xff\xfe", b"trackId,trackId,title\n"])
def test_other_headers_are_no_feed(content: bytes) -> None:
    assert layout.recognise(read_header(io.BytesIO(content))) is None
