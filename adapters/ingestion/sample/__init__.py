"""The sample that the project ships: deliveries of Lanternfish Records, an imaginary label.

Full and incremental feeds (48 releases, some 340 tracks), an album in ERN 4.3, a video single in
ERN 3.8.2 and its later update. All of it is invented; numbers have right check digits, except for
the errors that are there on purpose: a barcode with a wrong check digit, an ISRC of the wrong shape
and a missing one, two durations that are none (all flagged), a row that lost columns and a row
without an id (both quarantined), and tracks whose release is not in the release feed.
"""

from pathlib import Path

FOLDER = Path(__file__).parent / "deliveries"
"""What to ingest."""

LOOKUPS: tuple[tuple[str, str], ...] = (
    ("isrc", "GBLF92690001"),
    ("upc", "299000009001"),
    ("dpid", "PADPIDA202601170LU"),
)
"""Scheme and value of three lookups that find something: a recording, its album, its label."""

QUARANTINED = 2
"""Rows that are quarantined, on purpose."""
