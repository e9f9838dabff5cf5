"""Odd lines in feeds: each is a record or a reject, and the lines beside it say what they said."""

import io
from random import Random

from adapters.ingestion.feeds import layout, release, track
from adapters.ingestion.feeds.columns import Terms, text_frame
from adapters.ingestion.feeds.layout import Layout
from adapters.ingestion.feeds.records import MAX_LINES, Record, Reject, read_header, read_records
from adapters.ingestion.master.writer import DesiredState
from tests.adapters.ingestion.feeds import A_RELEASE, A_TRACK, RELEASE, TRACK, text
from tests.chain.size import Size
from tests.fuzz.mutations import ODD, damaged

_TEXTS = [odd for odd in ODD if isinstance(odd, str)] + [
    "1e308", "-1", "NaN", "inf", "99999999999999999999", "0.0000001", "1,5", "2024-02-30", "2024",
    "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-18:00", "1,2,,3", ",", "|", "a/b", "%2F", "'", "{",
]  # fmt: skip
_KINDS = ((TRACK, A_TRACK, "trackId"), (RELEASE, A_RELEASE, "releaseId"))
_BESIDE = MAX_LINES + 5
"""Good lines after an odd one: a quote that it opens ends within so many."""


def _lines(header: list[str], row: dict[str, str], own_id: str, count: int) -> list[bytes]:
    """Records without quotes, so that where an odd line ends is never in doubt."""
    rows = [{**row, own_id: f"good-{n}", "formats": "17"} for n in range(count)]
    plain = [{name: value.replace(",", "") for name, value in one.items()} for one in rows]
    return text(header, plain).encode().splitlines(keepends=True)


def _odd_line(chance: Random, header: list[str], row: dict[str, str], own_id: str) -> bytes:
    """One line or several; the last ends, since what is no longer apart can't be told apart."""
    if chance.random() < 0.4:
        line = text(header, [{**row, own_id: "odd"}]).encode().splitlines(keepends=True)[1]
        return damaged(chance, line).replace(b"good", b"").rstrip(b"\r\n") + b"\n"
    values = {**row, own_id: "odd"}
    for name in chance.sample(header, chance.randint(1, 4)):
        values[name] = chance.choice(_TEXTS)
    return text(header, [values]).encode(errors="surrogatepass").partition(b"\n")[2]


def _desired_state(found: Layout, records: list[Record], header: list[str]) -> DesiredState:
    fields = [record.fields for record in records if record.fields[found.id_column].strip()]
    id_column = found.header[found.id_column]
    make = release.desired_state if found.subject == "release" else track.desired_state
    return make(text_frame(found.header, fields, found.columns, id_column), [], Terms())


def test_odd_lines_spoil_no_other(size: Size) -> None:
    for seed in range(size.fuzzed // 20):
        chance = Random(seed)  # noqa: S311 - no secret
        header, row, own_id = chance.choice(_KINDS)
        first, *good = _lines(header, row, own_id, 2 + _BESIDE)
        odd = _odd_line(chance, header, row, own_id)
        stream = io.BytesIO(b"".join([first, *good[:2], odd, *good[2:]]))
        names = read_header(stream)
        found = layout.recognise(names)
        assert found is not None
        read = list(read_records(stream, len(names)))
        records = [one for one in read if isinstance(one, Record)]
        rejects = [one for one in read if isinstance(one, Reject)]
        assert all(0 < len(one.reason) < 1_000 for one in rejects), f"seed {seed}"
        whole = b"".join(one.content for one in sorted(read, key=lambda one: one.line))
        blank = sum(len(line) for line in odd.splitlines(keepends=True) if line.isspace())
        assert len(whole) >= len(b"".join(good)) + len(odd) - blank, (
            f"seed {seed}: bytes are missing"
        )
        kept = {record.fields[found.id_column]: record for record in records}
        assert {f"good-{n}" for n in range(len(good))} <= kept.keys(), f"seed {seed}"
        alone = _desired_state(found, [kept["good-0"]], names).rows[found.subject]
        beside = _desired_state(found, records, names).rows[found.subject]
        assert beside.filter(beside["id"] == "good-0").equals(alone), f"seed {seed}"
