"""What holds for any value of any scheme."""

import string

from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum import ean
from stdnum.iso7064 import mod_11_2, mod_37_36
from stdnum.util import clean

from domain.identifiers import SCHEMES, identify, is_placeholder
from domain.identifiers.iswc import check_digit
from domain.identifiers.judgement import compact

ALPHANUMERIC = string.ascii_uppercase + string.digits
digits = st.text(string.digits, min_size=11, max_size=11)
barcodes = digits.map(lambda body: body + ean.calc_check_digit(body))
grids = st.text(ALPHANUMERIC, min_size=15, max_size=15).map(
    lambda body: f"A1{body}{mod_37_36.calc_check_digit('A1' + body)}"
)
dpids = st.text(ALPHANUMERIC, min_size=10, max_size=10).map(
    lambda body: f"PADPIDA{body}{mod_37_36.calc_check_digit('PADPIDA' + body)}"
)
isnis = st.text(string.digits, min_size=15, max_size=15).map(
    lambda body: body + mod_11_2.calc_check_digit(body)
)
iswcs = st.text(string.digits, min_size=9, max_size=9).map(
    lambda body: f"T{body}{check_digit(body)}"
)
isrcs = st.from_regex(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}", fullmatch=True)
well_formed = st.one_of(
    st.tuples(st.just("gtin"), barcodes),
    st.tuples(st.just("grid"), grids),
    st.tuples(st.just("dpid"), dpids),
    st.tuples(st.just("isni"), isnis),
    st.tuples(st.just("iswc"), iswcs),
    st.tuples(st.just("isrc"), isrcs),
)


@given(st.one_of(st.text(), st.text(string.printable), st.text(ALPHANUMERIC)))
def test_separators_leave_as_stdnum_lets_them(raw: str) -> None:
    assert compact(raw, " -.") == clean(raw, " -.")


@given(st.sampled_from(SCHEMES), st.text())
def test_any_text_is_judged_and_judging_twice_changes_nothing(scheme: str, raw: str) -> None:
    once = identify(scheme, raw)
    twice = identify(scheme, once.value)
    assert (twice.value, twice.is_valid, twice.validation_error) == (
        once.value,
        once.is_valid,
        once.validation_error,
    )
    assert once.raw == raw
    assert once.is_valid or once.validation_error


@given(well_formed, st.data())
def test_case_and_separators_do_not_matter(written: tuple[str, str], data: st.DataObject) -> None:
    scheme, value = written
    plain = identify(scheme, value)
    assume(not is_placeholder(plain))
    assert plain.is_valid
    cuts = data.draw(st.sets(st.integers(0, len(value))))
    spread = "".join(("-" if i in cuts else "") + c for i, c in enumerate(value)) + " "
    assert identify(scheme, spread.lower()).value == plain.value


@given(barcodes)
def test_the_forms_of_a_barcode_are_one_number(upc: str) -> None:
    assume(not is_placeholder(identify("gtin", upc)))
    forms = [upc, f"0{upc}", f"00{upc}"]
    assert {identify("gtin", form).value for form in forms} == {f"00{upc}"}
    assert all(identify("gtin", form).is_valid for form in forms)


@given(well_formed, st.data())
def test_one_wrong_character_is_seen(written: tuple[str, str], data: st.DataObject) -> None:
    scheme, value = written
    assume(scheme != "isrc")  # has no check digit
    place = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.sampled_from(ALPHANUMERIC).filter(lambda c: c != value[place]))
    if scheme == "iswc":  # its weights 1…9 share factors with 10: only the check digit is certain
        place, other = len(value) - 1, str((int(value[-1]) + 1) % 10)
    wrong = value[:place] + other + value[place + 1 :]
    assert not identify(scheme, wrong).is_valid
