"""Small feeds, written here."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

RELEASE = [
    "releaseId",
    "title",
    "version",
    "artistId",
    "artistAppearsAs",
    "barcode",
    "type",
    "year",
    "explicitContent",
    "trackCount",
    "duration",
    "tags",
    "licensorId",
    "image",
    "dateAdded",
    "releaseDate",
    "labelId",
    "labelName",
    "formats",
    "price",
    "rrp",
    "url",
]
TRACK = [
    "trackId",
    "title",
    "version",
    "type",
    "isrc",
    "explicitContent",
    "trackNumber",
    "discNumber",
    "artistId",
    "artistAppearsAs",
    "releaseId",
    "duration",
    "formats",
    "price",
    "rrp",
    "url",
    "popularity",
    "streamingReleaseDate",
    "licensorID",
]

A_RELEASE = {
    "releaseId": "1", "title": "Album", "version": "", "artistId": "3",
    "artistAppearsAs": "Ada Quill", "barcode": "299000009001", "type": "Album", "year": "2024",
    "explicitContent": "false", "trackCount": "2", "duration": "400", "tags": "pop, rock,pop",
    "licensorId": "5", "image": "http://img.example/1", "dateAdded": "2024-01-02T03:04:05.678Z",
    "releaseDate": "2024-02-03T00:00:00Z", "labelId": "7", "labelName": "Small Hours",
    "formats": "17,33", "price": "7.99", "rrp": "9.99", "url": "http://music.example/1",
}  # fmt: skip
A_TRACK = {
    "trackId": "11", "title": "Song", "version": "Live", "type": "Audio", "isrc": "gblf92690001",
    "explicitContent": "true", "trackNumber": "2", "discNumber": "1", "artistId": "3",
    "artistAppearsAs": "Ada Quill feat. Nobody", "releaseId": "1", "duration": "200",
    "formats": "17", "price": "0.99", "rrp": "", "url": "http://music.example/11",
    "popularity": "0.5", "streamingReleaseDate": "2024-02-03T00:00:00Z", "licensorID": "5",
}  # fmt: skip


def text(header: list[str], rows: Iterable[Mapping[str, str]]) -> str:
    """CSV text; an `action` in the first row makes the feed an incremental one."""
    given = list(rows)
    columns = ["action", *header] if given and "action" in given[0] else header
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(given)
    return out.getvalue()


def write(path: Path, header: list[str], rows: Iterable[Mapping[str, str]]) -> Path:
    """A feed file."""
    path.write_text(text(header, rows), encoding="utf-8")
    return path
