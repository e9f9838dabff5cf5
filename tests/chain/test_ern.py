"""The real ERN messages through the whole chain, against what their XML says by plain XPath."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest
from lxml import etree

from tests.chain.processes import Chain

pytestmark = [pytest.mark.integration, pytest.mark.corpus]

MALFORMED = "002_erroneous_xml.xml"
PURGED_UNSEEN = "017_purged_release.xml"
SIMPLE_SINGLE = "official43/4_SimpleAudioSingle.xml"
_OWN = "[not(ancestor::*[starts-with(local-name(), 'Related') or local-name() = 'ResourceGroup'])]"
"""Not the numbers of releases that a message only names: related ones, and parts of a box set."""


@pytest.fixture(scope="module")
def summary(prepared: Chain, corpus: Path) -> dict[str, Any]:
    """What `catalog ingest` says of the folder: exit code 1, since one file is no XML."""
    out = prepared.catalog("ingest", str(corpus / "ern"), "--json", codes=(1,))
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.fixture
def idle(chain: Chain, summary: dict[str, Any]) -> Chain:
    chain.idle(60)
    return chain


def _messages(corpus: Path) -> dict[str, etree._Element]:
    """All but the malformed one and test messages, which change nothing."""
    files = sorted((corpus / "ern").glob("*/*.xml"))
    roots = {file.name: etree.parse(file).getroot() for file in files if file.name != MALFORMED}
    is_test = "//*[local-name()='MessageControlType']='TestMessage'"
    return {name: root for name, root in roots.items() if not root.xpath(is_test)}


def _texts(root: etree._Element, name: str) -> list[str]:
    found = root.xpath(f"//*[local-name()='{name}']{_OWN}/text()")
    assert isinstance(found, list)
    return sorted({str(text).strip() for text in found if str(text).strip()})


@pytest.mark.parametrize(
    ("scheme", "element", "owners"),
    [
        ("icpn", "ICPN", {"release"}),
        ("isrc", "ISRC", {"track", "recording"}),
        ("grid", "GRid", {"release"}),
    ],
)
def test_every_message_is_found_by_its_numbers(
    idle: Chain, corpus: Path, scheme: str, element: str, owners: set[str]
) -> None:
    stated = {
        name: _texts(root, element)
        for name, root in _messages(corpus).items()
        if etree.QName(root).localname == "NewReleaseMessage"
    }
    asked = [(name, text) for name, texts in stated.items() for text in texts]
    answers = idle.look_up(scheme, [text for _, text in asked])
    missing = [
        who
        for who, answer in zip(asked, answers, strict=True)
        if not owners & {match["owner"] for match in answer["matches"]}
    ]
    assert asked
    assert not missing


def test_every_sender_is_found_by_its_dpid(idle: Chain, corpus: Path) -> None:
    path = "//*[local-name()='MessageSender']/*[local-name()='PartyId']/text()"
    senders: dict[str, str] = {}
    for name, root in _messages(corpus).items():
        if etree.QName(root).localname == "NewReleaseMessage":
            found = root.xpath(path)
            assert isinstance(found, list)
            senders[name] = str(found[0]).strip()
    answers = idle.look_up("dpid", list(senders.values()))
    missing = [
        name
        for name, answer in zip(senders, answers, strict=True)
        if not [m for m in answer["matches"] if m["owner"] == "party"]
    ]
    assert not missing


def test_no_file_is_dropped_silently(idle: Chain, corpus: Path, summary: dict[str, Any]) -> None:
    """Each is in the summary; the malformed one is kept with its bytes and the reason."""
    files = {file.name for file in (corpus / "ern").glob("*/*.xml")}
    status = {Path(one["path"]).name: one["status"] for one in summary["files"]}
    assert set(status) == files
    assert {n for n, s in status.items() if s == "quarantined"} == {MALFORMED}
    content = (corpus / "ern" / "dedex" / MALFORMED).read_bytes()
    with psycopg.connect(idle.endpoints.master_dsn) as connection:
        row = connection.execute(
            "SELECT reason FROM quarantine WHERE content = %s", (content,)
        ).fetchone()
    assert row is not None
    assert row[0]


def test_a_purge_of_what_nobody_knows_finds_nothing(idle: Chain, corpus: Path) -> None:
    root = etree.parse(corpus / "ern" / "dedex" / PURGED_UNSEEN).getroot()
    (answer,) = idle.look_up("icpn", _texts(root, "ICPN"))
    assert answer["matches"] == []


def test_the_single_s_deals_are_there_in_all_territories_with_their_prices(
    idle: Chain, corpus: Path
) -> None:
    root = etree.parse(corpus / "ern" / SIMPLE_SINGLE).getroot()
    (grid,) = _texts(root, "GRid")
    (answer,) = idle.look_up("grid", [grid])
    (release,) = [m["id"] for m in answer["matches"] if m["owner"] == "release"]
    stated = Counter(deal for terms in _elements(root, "DealTerms") for deal in _deals(terms))
    found: Counter[tuple[Any, ...]] = Counter()
    with psycopg.connect(idle.endpoints.read_dsn) as connection:
        for model, use, places, prices in connection.execute(
            "SELECT commercial_model, use_type, territories, prices FROM catalog.download_offer"
            " WHERE release_id = %(r)s UNION ALL"
            " SELECT commercial_model, use_type, territories, prices FROM catalog.streaming_right"
            " WHERE release_id = %(r)s",
            {"r": release},
        ):
            codes = frozenset(p.get("code") or float(p["amount"]) for p in prices or ())
            found[model, use, frozenset(places), codes] += 1
    assert len({place for _, _, places, _ in stated for place in places}) == 249
    assert len({place for _, _, places, _ in found for place in places}) == 249
    assert found == stated


def _elements(root: etree._Element, name: str) -> list[etree._Element]:
    found = root.xpath(f".//*[local-name()='{name}']")
    assert isinstance(found, list)
    return [element for element in found if isinstance(element, etree._Element)]


def _deals(terms: etree._Element) -> list[tuple[Any, ...]]:
    def said(name: str) -> list[str]:
        return [(element.text or "").strip() for element in _elements(terms, name)]

    prices: set[str | float] = set(said("PriceCode"))
    prices |= {float(amount) for amount in said("WholesalePricePerUnit")}
    return [
        (model, use, frozenset(said("TerritoryCode")), frozenset(prices))
        for model in said("CommercialModelType")
        for use in said("UseType")
    ]
