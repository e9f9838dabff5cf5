"""What senders write for want of a number is flagged, in whatever form, and real numbers aren't."""

import pytest

from domain.identifiers import MalformedIdentifier, ask, identify, is_placeholder


@pytest.mark.parametrize(
    ("scheme", "written"),
    [
        ("gtin", "N/A"),
        ("gtin", "tbd"),
        ("gtin", "0000000000000"),
        ("gtin", "00000000"),
        ("gtin", "1234567890128"),
        ("gtin", "01234567890128"),
        ("gtin", "9999999999999"),
        ("grid", "n.a."),
        ("grid", "A10000000000000000"),
        ("isni", "0000000000000000"),
        ("isni", "0000 0000 0000 0000"),
        ("isrc", "US0000000000"),
        ("iswc", "T0000000000"),
        ("proprietary", "none"),
        ("proprietary", "000"),
    ],
)
def test_placeholders(scheme: str, written: str) -> None:
    number = identify(scheme, written)
    assert is_placeholder(number) or (scheme == "grid" and not number.is_valid)
    assert not number.is_valid


@pytest.mark.parametrize(
    ("scheme", "written"),
    [
        ("gtin", "06025371000019"),
        ("isni", "000000012146438X"),
        ("proprietary", "1"),
        ("proprietary", "NA1"),
        ("catalog-number", "1111111111"),
    ],
)
def test_numbers(scheme: str, written: str) -> None:
    assert identify(scheme, written).is_valid


def test_a_placeholder_can_not_be_asked_for() -> None:
    with pytest.raises(MalformedIdentifier, match="placeholder"):
        ask("upc", "0000000000000")
