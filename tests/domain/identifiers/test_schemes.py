"""Each scheme's rules, on values that real messages carry."""

import re

import pytest

from domain.identifiers import (
    LONGEST,
    SCHEMES,
    MalformedIdentifier,
    UnknownScheme,
    ask,
    identify,
    scheme_named,
)


@pytest.mark.parametrize(
    ("scheme", "raw", "value"),
    [
        ("isrc", "US-SKG-19-12345", "USSKG1912345"),
        ("isrc", "isrc usskg1912345", "USSKG1912345"),
        ("isrc", " ISRC:US SKG 19 12345 ", "USSKG1912345"),
        ("isrc", "ISRC11912345", "ISRC11912345"),  # Iceland's own prefix, not the word
        ("isrc", "ISRC ISRC11912345", "ISRC11912345"),
        ("gtin", "763331950658", "00763331950658"),
        ("gtin", "0763331950658", "00763331950658"),
        ("gtin", "00763331950658", "00763331950658"),
        ("gtin", "7 63331-95065 8", "00763331950658"),
        ("gtin", "40170725", "00000040170725"),
        ("grid", "Grid: A1-2425G-ABC1234002-M", "A12425GABC1234002M"),
        ("grid", "A10302B00001501085", "A10302B00001501085"),
        ("iswc", "T-034.524.680-1", "T0345246801"),
        ("iswc", "iswc t0345246801", "T0345246801"),
        ("isni", "0000 0001 2281 955x", "000000012281955X"),
        ("isni", "https://isni.org/isni/000000012281955X", "000000012281955X"),
        ("isni", "http://www.isni.org/000000012281955X/", "000000012281955X"),
        ("isni", "ISNI 0000 0001 2281 955X", "000000012281955X"),
        ("dpid", "PADPIDA2007050901U", "PADPIDA2007050901U"),
        ("dpid", "pa-dpida-2013042401-u", "PADPIDA2013042401U"),
        ("dpid", "PADPIDA2011021707Y", "PADPIDA2011021707Y"),
        ("catalog-number", "  DEF  058 ", "DEF 058"),
        ("proprietary", "Track:17", "Track:17"),
    ],
)
def test_well_formed_values_are_normalised(scheme: str, raw: str, value: str) -> None:
    identifier = identify(scheme, raw)
    assert (identifier.value, identifier.is_valid, identifier.validation_error) == (
        value,
        True,
        None,
    )
    assert identifier.raw == raw
    assert ask(scheme, raw).value == value


@pytest.mark.parametrize(
    ("scheme", "raw", "value"),
    [
        ("gtin", "763331950659", "00763331950659"),
        ("gtin", "00028948386765_DEF058400331_R1", "00028948386765_DEF058400331_R1"),
        ("gtin", "7633319506580123", "7633319506580123"),
        ("isrc", " USSKG191234 ", "USSKG191234"),
        ("isrc", "", ""),
        ("isrc", "USSKG19１２３４x", "USSKG19１２３４x"),
        ("grid", "A1-2425G-ABC1234002-Q", "A12425GABC1234002Q"),
        ("iswc", "T-034.524.680-2", "T0345246802"),
        ("isni", "0000000122819550", "0000000122819550"),
        ("dpid", "PADPIDA20129999999", "PADPIDA20129999999"),
        ("dpid", "PADPIDA12345", "PADPIDA12345"),
        ("proprietary", "  ", ""),
        ("proprietary", "a\x00b", "a\x00b"),
        ("catalog-number", "a\udcffb", "a\udcffb"),
    ],
)
def test_invalid_values_are_kept_flagged_and_refused_at_ask(
    scheme: str, raw: str, value: str
) -> None:
    identifier = identify(scheme, raw, "PADPIDA2007050901U")
    assert (identifier.value, identifier.is_valid) == (value, False)
    assert identifier.validation_error
    assert identifier.namespace == "PADPIDA2007050901U"
    with pytest.raises(MalformedIdentifier) as refusal:
        ask(scheme, raw)
    assert identifier.validation_error == refusal.value.rule
    assert identifier.validation_error in str(refusal.value)


def test_a_value_of_any_length_is_kept_short() -> None:
    longest = identify("proprietary", "x" * LONGEST)
    assert (longest.value, longest.is_valid) == ("x" * LONGEST, True)
    beyond = identify("proprietary", " " + "x" * (LONGEST + 1))
    assert (beyond.value, beyond.is_valid) == ("x" * LONGEST, False)
    assert beyond.validation_error == f"it is longer than {LONGEST} characters"
    assert len(beyond.raw) == LONGEST + 2
    with pytest.raises(MalformedIdentifier, match=r"^'x{64}…' is no well-formed proprietary"):
        ask("proprietary", "x" * (LONGEST + 1))


def test_what_is_odd_but_no_control_code_is_text() -> None:
    assert identify("proprietary", "a\u2028b\ue000").is_valid


@pytest.mark.parametrize(
    ("scheme", "raw", "validation_error"),
    [
        ("gtin", "763331950659", "the check digit should be 8, not 9"),
        ("iswc", "T-034.524.680-2", "the check digit should be 1, not 2"),
        ("grid", "A1-2425G-ABC1234002-Q", "the check character should be M, not Q"),
        ("isni", "0000000122819550", "the check character should be X, not 0"),
        ("dpid", "PADPIDA20129999999", "the check character should be [^9], not 9"),
    ],
)
def test_a_wrong_check_digit_is_named(scheme: str, raw: str, validation_error: str) -> None:
    found = identify(scheme, raw).validation_error
    assert found is not None
    assert re.fullmatch(validation_error, found)


def test_an_unknown_isrc_prefix_is_noted_and_valid() -> None:
    identifier = identify("isrc", "XX-SKG-19-12345")
    assert identifier.is_valid
    assert identifier.value == "XXSKG1912345"
    assert identifier.validation_error == "no ISRC agency is known for the prefix XX"
    assert ask("isrc", "XXSKG1912345") == identify("isrc", "XXSKG1912345")


@pytest.mark.parametrize("alias", ["upc", "EAN", "icpn", "Barcode", "gtin", "jan"])
def test_all_names_of_a_barcode_are_gtin(alias: str) -> None:
    assert ask(alias, "763331950658").scheme == "gtin"


def test_names_of_schemes() -> None:
    assert scheme_named("Catalog_Number") == "catalog-number"
    assert {scheme_named(scheme) for scheme in SCHEMES} == set(SCHEMES)
    with pytest.raises(UnknownScheme, match=r"isbn.*isrc, gtin.*upc"):
        ask("isbn", "978")
    with pytest.raises(UnknownScheme, match=r"^'upc' is no identifier scheme"):
        identify("upc", "763331950658")
