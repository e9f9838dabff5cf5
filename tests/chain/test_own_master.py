"""A foreign master from its tables to the lookup, and what holds while everything is killed."""

import json
from collections.abc import Iterator

import psycopg
import pytest

from tests.chain.agreement import event_ids
from tests.chain.capture import kill_and_restart
from tests.chain.conftest import Note
from tests.chain.house import MAPPINGS, Happenings, disagreements, house
from tests.chain.loading import next_seed
from tests.chain.processes import PROJECT, TRANSLATE, Chain
from tests.chain.size import Size
from tests.waiting import until

pytestmark = pytest.mark.integration

RUN = ("source", "run", "house")


@pytest.fixture
def own(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """DSN of a house's database, applied and followed."""
    with house(chain.endpoints) as dsn:
        monkeypatch.setenv("CATALOG_SOURCE__ADDRESS__HOUSE", dsn)
        applied = json.loads(chain.catalog("source", "apply", str(MAPPINGS), "--json"))
        assert applied["unusable"] == 0
        assert applied["written"]["track inserted"] == 1500
        chain.start("source", RUN)
        yield dsn
        chain.stop("source")
        chain.catalog("source", "remove", "house", "--yes")


def _await_last(chain: Chain, happenings: Happenings) -> None:
    """Wait until all that was committed at the source is in the read catalog."""
    last = happenings.last()

    def is_there() -> bool:
        assert chain.children["source"].is_running, chain.children["source"].output()
        with psycopg.connect(chain.endpoints.master_dsn) as master:
            found = master.execute("SELECT FROM release WHERE id = %s", (last,)).fetchone()
        return found is not None

    until(is_there, 120, "the last change of the source is in the master")

    def is_through() -> bool:
        (found,) = json.loads(chain.catalog("source", "status", "house", "--json"))
        assert found["state"] == "live", found
        return bool(found["lag"] == 0)

    until(is_through, 120, "all topics of the source are read")
    chain.idle(180)


def test_from_its_tables_to_the_lookup_whatever_is_killed(
    chain: Chain, own: str, size: Size, note: Note
) -> None:
    chain.idle(180)
    (release,) = chain.look_up("upc", ["2991000000016"])
    assert [match["release"]["title"] for match in release["matches"]] == ["Release 1"]
    (track,) = chain.look_up("isrc", ["QZ5AB2601001"])
    assert [match["track"]["track_number"] for match in track["matches"]] == [10]
    assert disagreements(own, chain.endpoints) == []
    again = json.loads(chain.catalog("source", "apply", str(MAPPINGS), "--json"))
    assert again["written"] == {}

    happenings = Happenings(own, next_seed())
    commands = {"translate": TRANSLATE, "project": PROJECT, "source": RUN}
    for number in range(size.kills):
        happenings.transact(size.rate)
        name = list(commands)[number % 3]
        chain.kill(name)
        chain.start(name, commands[name])
    happenings.transact(size.rate)
    kill_and_restart(chain)
    happenings.transact(size.rate)
    _await_last(chain, happenings)
    note("transactions at the source", (size.kills + 2) * size.rate)
    found = json.loads(chain.catalog("source", "verify", "house", "--json"))
    assert (found["disagreements"], found["replica"]) == ([], {})
    assert disagreements(own, chain.endpoints) == []
    chain.catalog("audit")
    counted = event_ids(chain.endpoints)
    assert [event for event, times in counted.items() if times > 1] == []
    _what_stops_a_topic(chain, own)


def _what_stops_a_topic(chain: Chain, own: str) -> None:
    """A column that is gone, and a truncation, which doesn't."""
    with psycopg.connect(own) as connection:
        connection.execute("TRUNCATE musicbrainz.offer")
        connection.execute("ALTER TABLE musicbrainz.label RENAME name TO title")
        connection.execute("UPDATE musicbrainz.label SET title = 'X' WHERE id = 1")

    def is_stopped() -> bool:
        (found,) = json.loads(chain.catalog("source", "status", "--json", codes=(0, 3)))
        return found["state"] == "stopped" and "label.name isn't in the record" in found["reason"]

    until(is_stopped, 60, "a column that is gone stops its topic")

    def is_empty() -> bool:
        with psycopg.connect(chain.endpoints.master_dsn) as master:
            found = master.execute("SELECT count(*) FROM deal WHERE id LIKE 'house-%'")
            return found.fetchone() == (0,)

    until(is_empty, 60, "other topics go on, and a truncated table is empty")
