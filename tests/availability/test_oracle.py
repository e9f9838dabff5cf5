"""Messages of the corpus, every territory they name, every edge of a period: as the XML says."""

from collections.abc import Callable
from pathlib import Path

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
)


CASES = Path(__file__).parent.parent / "cases" / "ern"
ASIDE = ("instant_grat", "preorder_profile", "test_message", "tis_europe", "two_mains")
"""What they say the oracle doesn't read; their answers are in availability.csv."""
OWN = sorted(
    str(path.relative_to(CASES)) for path in CASES.glob("[ad]/*.xml") if path.stem not in ASIDE
)
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
    asked = [(s, v, r, "release") for s, v, r in message.numbers()]
    asked += [("isrc", isrc, references, "track") for isrc, references in message.tracks()]
    questions = [
        (scheme, value, (references, owner), country, at)
        for scheme, value, references, owner in asked
        for country in sorted(message.countries())
        for at in sorted(message.edges(references, country))
    ]
    wrong = []
    for start in range(0, len(questions), 100):
        batch = questions[start : start + 100]
        answers = asker.look_up_all(
            [(s, v, {"country": c, "at": at.isoformat()}) for s, v, _, c, at in batch]
        )
        for (_, value, (about, owner), country, at), matches in zip(batch, answers, strict=True):
            states = {m["availability"]["state"] for m in matches if m["owner"] == owner}
            state = message.state if owner == "release" else message.state_of_track
            right = state(about, country, at)
            if not states or not states <= right:
                wrong.append((value, country, at.isoformat(), states, right))
    assert questions
    assert not wrong, f"{len(wrong)} of {len(questions)}: {wrong[:5]}"
