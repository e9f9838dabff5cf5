"""A small catalog in which everything that the API answers occurs."""

from datetime import UTC, datetime
from typing import Any

import psycopg

from tests.catalog_rows import number, write

ISRC = "USSKG1912345"
SHARED_ISRC = "USSKG1912346"
UPC = "763331950658"
GTIN = "00" + UPC
SHARED_GTIN = "00094631432057"
DPID = "PADPIDA2007050901U"
OTHER_DPID = "PADPIDA2010010101X"
POLLUTED = "00028948386765_DEF058400331_R1"


def day(text: str) -> datetime:
    """Midnight UTC of a date."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fill(connection: psycopg.Connection[Any]) -> None:
    """Write it."""
    write(
        connection,
        "party",
        {"id": "P", "name": "Big Music", "dpid": DPID},
        {"id": "Q", "name": "Small Music", "dpid": OTHER_DPID, "isni": "0000000121032683"},
    )
    write(connection, "licensor", {"id": "L", "party_id": "P"}, {"id": "M", "party_id": "Q"})
    write(
        connection,
        "label",
        {"id": "B", "name": "Blue", "licensor_id": "L"},
        {"id": "C", "name": "Coral", "licensor_id": "L", "party_id": "Q"},
    )
    write(connection, "artist", {"id": "A", "display_name": "The Band", "party_id": "Q"})
    write(
        connection,
        "release",
        {
            "id": "R", "title": "First Light", "display_artist": "The Band", "artist_id": "A",
            "label_id": "B", "licensor_id": "L", "release_type": "Album", "status": "active",
            "original_release_date": "2020-05-01", "track_count": 2, "event_offset": 5,
            "event_partition": 1, "updated_at": day("2026-01-05"),
        },
        {
            "id": "a/b c", "title": "Second Light", "display_artist": "Another", "label_id": "C",
            "licensor_id": "M", "release_type": "Single", "status": "active", "event_offset": 6,
            "event_partition": 1, "updated_at": day("2026-01-06"),
        },
        {
            "id": "X", "title": "Gone", "artist_id": "A", "label_id": "B", "licensor_id": "L",
            "status": "taken_down", "event_offset": 2, "event_partition": 3,
            "updated_at": day("2026-01-07"),
        },
    )  # fmt: skip
    write(
        connection,
        "recording",
        {"id": "C1", "title": "One", "display_artist": "The Band", "duration_ms": 180_000,
         "licensor_id": "L", "artist_id": "A", "kind": "sound"},
        {"id": "C2", "title": "Two", "duration_ms": 200_000, "licensor_id": "L"},
        {"id": "C3", "title": "Two (Live)", "duration_ms": 260_000, "licensor_id": "M"},
    )  # fmt: skip
    write(
        connection,
        "track",
        {"id": "T2", "release_id": "R", "recording_id": "C2", "disc_number": 1, "track_number": 2},
        {"id": "T1", "release_id": "R", "recording_id": "C1", "disc_number": 1, "track_number": 1,
         "title": "One (Remastered)"},
        {"id": "T9", "release_id": "elsewhere", "recording_id": "C1"},
    )  # fmt: skip
    write(
        connection,
        "format",
        {"id": "f1", "release_id": "R", "track_id": "T1", "codec": "FLAC", "bit_depth": 24},
        {"id": "f2", "release_id": "R", "codec": "MP3", "bitrate": 320},
    )
    write(
        connection,
        "identifier",
        number("i1", "isrc", ISRC, "recording", "C1"),
        number("i2", "isrc", SHARED_ISRC, "recording", "C2"),
        number("i3", "isrc", SHARED_ISRC, "recording", "C3"),
        number("i4", "gtin", GTIN, "release", "R", value_raw=UPC),
        number("i5", "gtin", SHARED_GTIN, "release", "R"),
        number("i6", "gtin", SHARED_GTIN, "release", "a/b c"),
        number("i7", "gtin", POLLUTED, "release", "X", is_valid=False, flaw="no barcode"),
        number("i8", "dpid", DPID, "party", "P"),
        number("i9", "proprietary", "N/1 2", "release", "R", namespace=DPID),
        number("j1", "proprietary", "N/1 2", "release", "X", namespace=OTHER_DPID),
    )
    price = [{"amount": "9.99", "currency": "EUR"}]
    write(
        connection,
        "download_offer",
        {"id": "d1", "release_id": "R", "use_type": "PermanentDownload",
         "commercial_model": "PayAsYouGoModel", "territories": ["Worldwide"],
         "excluded_territories": ["FR"], "valid_from": day("2026-01-10"), "prices": price},
        {"id": "d2", "release_id": "R", "use_type": "PermanentDownload",
         "commercial_model": "PayAsYouGoModel", "territories": ["DE"],
         "valid_from": day("2026-02-01"), "valid_to": day("2026-03-01"),
         "prices": [{"amount": "4.99", "currency": "EUR"}]},
        {"id": "d3", "release_id": "R", "use_type": "PermanentDownload", "is_preorder": True,
         "commercial_model": "PayAsYouGoModel", "territories": ["DE"],
         "valid_from": day("2026-01-01"), "valid_to": day("2026-01-10")},
        {"id": "d4", "release_id": "X", "territories": [], "use_type": "PermanentDownload"},
    )  # fmt: skip
    write(
        connection,
        "streaming_right",
        {"id": "s1", "release_id": "R", "use_type": "OnDemandStream",
         "commercial_model": "SubscriptionModel", "territories": ["DE", "FR"],
         "valid_from": day("2026-01-15")},
        {"id": "s2", "release_id": "R", "track_id": "T1", "use_type": "OnDemandStream",
         "commercial_model": "AdvertisementSupportedModel", "territories": ["US"]},
        {"id": "s3", "release_id": "R", "use_type": "OnDemandStream", "is_takedown": True,
         "commercial_model": "SubscriptionModel", "territories": ["FR"],
         "valid_from": day("2026-04-01")},
    )  # fmt: skip
