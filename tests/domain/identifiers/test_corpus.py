"""The identifiers of real catalogues."""

import csv
import re
from pathlib import Path

import pytest

from domain.identifiers import identify

pytestmark = pytest.mark.corpus


def test_real_isrcs_and_barcodes_are_normalised(corpus: Path) -> None:
    with (corpus / "isrc_barcode_joined.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 900
    for row in rows:
        barcode = identify("gtin", row["barcode_raw"])
        if row["gtin14"]:
            assert barcode.value == row["gtin14"]
        if row["isrc"]:
            assert identify("isrc", row["isrc_raw"]).value == row["isrc"]


def test_grids_and_party_ids_of_real_messages(corpus: Path) -> None:
    text = "".join(path.read_text("utf-8", "replace") for path in corpus.glob("ern/*/*.xml"))
    box = (corpus / "ern/official42/Variant_BoxedSet.xml").read_text("utf-8")
    grids = set(re.findall(r"<GRid>([^<]+)<", box))
    invalid = {grid for grid in grids if not identify("grid", grid).is_valid}
    assert len(grids) == 132
    # Its author counted on in the check character.
    assert invalid == {f"A10302B0000956487{digit}" for digit in range(10)}
    registered = ("PADPIDA2007050901U", "PADPIDA2013042401U", "PADPIDA2007062701B")
    assert all(dpid in text and identify("dpid", dpid).is_valid for dpid in registered)
    assert not identify("dpid", "PADPIDA20129999999").is_valid
