"""Messages of the corpus, every territory they name, every edge of a period: as the XML says."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.adapters.ingestion.test_corpus import MESSAGES
from tests.availability.asking import Asker
from tests.availability.oracle import Message
from tests.master_to_read import carry

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def asker(make_asker: Callable[[list[Path]], Asker]) -> Asker:
    return make_asker([])


def _fill(asker: Asker, path: Path) -> None:
    """Nothing but this message."""
    asker.master.clear()
    with psycopg.connect(asker.read_dsn) as connection:
        tables = connection.execute(
            "SELECT string_agg(format('catalog.%I', tablename), ', ') FROM pg_tables"
            " WHERE schemaname = 'catalog' AND tablename NOT LIKE 'alembic%'"
        ).fetchone()
        assert tables is not None
        connection.execute(f"TRUNCATE {tables[0]}")
    asker.master.ingest(path)
    carry(asker.master.dsn, asker.read_dsn)


ALONE = (
    "audius/02_update.xml",
    "audius/04_no_deal.xml",
    "audius/dealTypes.xml",
    "audius/track_pay_gated.xml",
    "dedex/005_not_valid_xsd.xml",
    "dedex/012_missing_isrc.xml",
    "dedex/013_isrc_empty_string.xml",
    "openaudio_381/Album.xml",
    "openaudio_381/Single.xml",
)


CASES = Path(__file__).parent.parent / "cases" / "ern"
OWN = sorted(str(path.relative_to(CASES)) for path in CASES.glob("[ad]/*.xml"))
"""Small messages, each of which says something that real ones rarely do."""


@pytest.mark.corpus
@pytest.mark.parametrize("name", [*MESSAGES, *ALONE])
def test_as_the_xml_says(asker: Asker, corpus: Path, name: str) -> None:
    judge(asker, corpus / "ern" / name)


@pytest.mark.parametrize("name", OWN)
def test_as_the_xml_of_a_case_says(asker: Asker, name: str) -> None:
    judge(asker, CASES / name)


def judge(asker: Asker, path: Path) -> None:
    """Ask for every number, in every country that is named, at every edge."""
    message = Message(path.read_bytes())
    _fill(asker, path)
    asked: list[tuple[str, str, frozenset[str], str | None]] = [
        *((scheme, value, about, None) for scheme, value, about in message.numbers()),
        *(("isrc", *track) for track in message.tracks()),
    ]
    questions = [
        (scheme, value, (references, resource), country, at)
        for scheme, value, references, resource in asked
        for country in sorted(message.countries())
        for at in sorted(message.edges(references, country))
    ]
    wrong = []
    for start in range(0, len(questions), 100):
        batch = questions[start : start + 100]
        answers = asker.look_up_all(
            [(s, v, {"country": c, "at": at.isoformat()}) for s, v, _, c, at in batch]
        )
        for (_, value, about, country, at), matches in zip(batch, answers, strict=True):
            states, right = _states(message, about, country, at, matches)
            if not states <= right or bool(states) != bool(right):
                wrong.append((value, country, at.isoformat(), states, right))
    assert questions
    print(f"{path.name}: {len(questions)} questions")
    assert not wrong, f"{len(wrong)} of {len(questions)}: {wrong[:5]}"


def _states(
    message: Message,
    about: tuple[frozenset[str], str | None],
    country: str,
    at: datetime,
    matches: list[dict[str, Any]],
) -> tuple[set[str], set[str]]:
    """The states that are told of a release or track, and those that are right."""
    references, resource = about
    owner = "release" if resource is None else "track"
    told = {m["availability"]["state"] for m in matches if m["owner"] == owner}
    if message.changes_nothing:
        return told, set()
    if resource is None:
        return told, message.state(references, country, at)
    return told, message.state_of_track(references, country, at, resource)
