"""The partner's lookups, over HTTP and PostgreSQL."""

import csv
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.api.server import Serving, application
from domain.identifiers import identify
from tests.adapters.api.records import (
    DPID,
    GTIN,
    ISRC,
    OTHER_DPID,
    POLLUTED,
    SHARED_GTIN,
    SHARED_ISRC,
    UPC,
)
from tests.adapters.api.serving import prepare, serving
from tests.beside import beside, join
from tests.catalog_rows import number, write

pytestmark = pytest.mark.integration


def look_up(client: httpx.Client, path: str, status: int = 200) -> Any:
    answer = client.get(f"/v1/lookup/{path}")
    assert answer.status_code == status, answer.text
    return answer.json()


def test_an_isrc_gives_all_that_a_partner_needs(client: httpx.Client) -> None:
    found = look_up(client, "isrc/us-skg-19-12345?country=US")
    assert (found["scheme"], found["value"], found["conflicts"]) == ("isrc", ISRC, [])
    first, second = found["matches"]
    assert (first["owner"], first["id"]) == ("track", "T1")
    assert (first["track"]["disc_number"], first["track"]["track_number"]) == (1, 1)
    assert first["track"]["title"] == "One (Remastered)"
    assert first["track"]["formats"][0]["bit_depth"] == 24
    assert first["recording"]["identifiers"][0]["value"] == ISRC
    assert first["release"]["label"]["dpid"] == DPID
    assert {n["value"] for n in first["release"]["identifiers"]} >= {GTIN, "N/1 2"}
    assert {offer["id"] for offer in first["availability"]["offers"]} == {"d1", "s2"}
    assert (second["id"], second["release"]) == ("T9", None)


def test_all_forms_of_a_barcode_give_the_same_answer(client: httpx.Client) -> None:
    paths = [
        f"/v1/lookup/{scheme}/{form}?country=DE"
        for scheme in ("upc", "ean", "gtin", "icpn", "UPC")
        for form in (UPC, f"0{UPC}", GTIN, f"{UPC[:6]}%20{UPC[6:]}")
    ]
    answers = {client.get(path).content for path in paths}
    assert len(answers) == 1
    assert [match["id"] for match in look_up(client, f"upc/{UPC}")["matches"]] == ["R"]


def test_contradictions_are_marked(client: httpx.Client) -> None:
    isrc = look_up(client, f"isrc/{SHARED_ISRC}")
    assert isrc["conflicts"] == ["titles", "lengths"]
    assert [(m["owner"], m["id"]) for m in isrc["matches"]] == [
        ("track", "T2"),
        ("recording", "C3"),
    ]
    gtin = look_up(client, f"gtin/{SHARED_GTIN}")
    assert (gtin["conflicts"], len(gtin["matches"])) == (["licensors"], 2)


def test_well_formed_and_unknown_is_an_empty_list_and_malformed_is_a_problem(
    client: httpx.Client,
) -> None:
    assert look_up(client, "isrc/GBAYE0000001")["matches"] == []
    problem = look_up(client, "gtin/763331950659", status=400)
    assert "check digit" in problem["rule"]
    assert problem["scheme"] == "gtin"
    look_up(client, "isrc/%00", status=400)
    assert "isrc" in look_up(client, "ismn/1", status=400)["detail"]
    # Wrongly written, but written so by its sender: found, and flagged.
    (match,) = look_up(client, f"icpn/{POLLUTED}")["matches"]
    assert (match["id"], match["match"]["valid"], match["match"]["flaw"]) == (
        "X", False, "no barcode",
    )  # fmt: skip


def test_a_namespace_tells_proprietary_ids_apart(client: httpx.Client) -> None:
    assert [m["id"] for m in look_up(client, "proprietary/N%2F1%202")["matches"]] == ["R", "X"]
    asked = f"proprietary/N%2F1%202?namespace={OTHER_DPID}"
    assert [m["id"] for m in look_up(client, asked)["matches"]] == ["X"]


def test_a_party_has_its_labels_and_releases(client: httpx.Client) -> None:
    (match,) = look_up(client, "dpid/PA-DPIDA-2007050901-U")["matches"]
    assert match["party"]["party"]["name"] == "Big Music"
    assert [label["id"] for label in match["party"]["labels"]] == ["B", "C"]
    assert [release["id"] for release in match["party"]["releases"]] == ["R", "X"]


def test_many_are_answered_in_order_each_with_its_status(client: httpx.Client) -> None:
    asked = [
        {"scheme": "isrc", "value": ISRC},
        {"scheme": "isrc", "value": "nonsense"},
        {"scheme": "nope", "value": "1"},
        {"scheme": "upc", "value": UPC},
        {"scheme": "gtin", "value": "\u0000"},
        {"scheme": "isrc", "value": "GBAYE0000001"},
        {"scheme": "proprietary", "value": "N/1 2", "namespace": DPID},
    ]
    answer = client.post("/v1/lookups?country=DE", json={"lookups": asked})
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert [item["status"] for item in items] == [200, 400, 400, 200, 400, 200, 200]
    assert [len(items[i]["answer"]["matches"]) for i in (0, 3, 5, 6)] == [2, 1, 0, 1]
    assert items[3]["answer"] == look_up(client, f"ean/0{UPC}?country=DE")
    assert answer.headers["catalog-generation"] == "7"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"lookups": []}', 400),
        (b'{"lookups": [{"scheme": "isrc"}]}', 400),
        (b'{"lookups": [{"scheme": "isrc", "value": "1", "extra": 1}]}', 400),
        (b'{"lookups": [' + b",".join([b'{"scheme":"isrc","value":"1"}'] * 1001) + b"]}", 400),
        (b" " * (2 * 1024 * 1024 + 1), 413),
    ],
)
def test_bodies_that_are_refused(client: httpx.Client, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/lookups", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.post("/v1/lookups", content=body).status_code == 415


@pytest.fixture(scope="module")
def upcs(corpus: Path) -> list[str]:
    """Barcodes that real feeds carry, in 14 digits."""
    with (corpus / "isrc_barcode_joined.csv").open(newline="", encoding="utf-8") as file:
        fields = {field for row in csv.reader(file) for field in row if field.isdigit()}
    found = {identify("gtin", field).value for field in fields if len(field) in (12, 13, 14)}
    return sorted(value for value in found if value and identify("gtin", value).is_valid)


def forms_of(value: str) -> list[str]:
    """A barcode in 14 digits, and in 13 and 12 where it has the zeros for it."""
    return [value[cut:] for cut in (0, 1, 2) if value.startswith("0" * cut)]


@pytest.fixture(scope="module")
def corpus_client(read_dsn: str, upcs: list[str], client: httpx.Client) -> httpx.Client:
    """Asks a catalog that has a release for each of them."""
    with psycopg.connect(read_dsn) as connection:
        write(connection, "release", *({"id": value} for value in upcs))
        write(connection, "identifier", *(number(v, "gtin", v, "release", v) for v in upcs))
    return client


@pytest.mark.corpus
def test_the_forms_of_every_barcode_of_the_corpus_give_equal_answers(
    corpus_client: httpx.Client, upcs: list[str]
) -> None:
    assert {len(forms_of(value)) for value in upcs} >= {2, 3}
    for start in range(0, len(upcs), 300):
        part = upcs[start : start + 300]
        asked = [(value, form) for value in part for form in forms_of(value)]
        items = corpus_client.post(
            "/v1/lookups",
            json={"lookups": [{"scheme": "upc", "value": form} for _, form in asked]},
            timeout=30,
        ).json()["items"]
        first = dict(zip((value for value, _ in reversed(asked)), reversed(items), strict=True))
        for (value, _), item in zip(asked, items, strict=True):
            assert item == first[value]
            assert value in [match["id"] for match in item["answer"]["matches"]]


@pytest.mark.corpus
@settings(
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_so_does_each_alone(
    corpus_client: httpx.Client, upcs: list[str], data: st.DataObject
) -> None:
    value = data.draw(st.sampled_from(upcs))
    answers = [corpus_client.get(f"/v1/lookup/upc/{form}") for form in forms_of(value)]
    assert len({(answer.content, answer.headers["etag"]) for answer in answers}) == 1


def test_lookups_at_the_same_instant_are_each_answered_with_their_own(database: str) -> None:
    prepare(database)
    numbers = [f"USSKG{n:07}" for n in range(200)]
    with psycopg.connect(database) as connection:
        write(connection, "recording", *({"id": n, "title": n} for n in numbers))
        write(connection, "identifier", *(number(n, "isrc", n, "recording", n) for n in numbers))
    wrong: list[str] = []
    with serving(application(Serving(database, is_open=True))) as client:

        def ask(part: list[str]) -> None:
            for n in part:
                answer = client.get(f"/v1/lookup/isrc/{n}").json()
                if [m["id"] for m in answer["matches"]] != [n]:
                    wrong.append(n)

        threads = [beside(ask, (numbers[i::8],)) for i in range(8)]
        for thread in threads:
            thread.start()
        join(*threads)
    assert wrong == []
