"""The past can be asked: a row's events, the catalog as of an instant, rebuilds of some tables."""

import json
from datetime import datetime
from itertools import count
from typing import Any

import psycopg
import pytest

from tests.chain.processes import Chain

pytestmark = pytest.mark.integration

NUMBERS = count(1)


def said(chain: Chain, *arguments: str, codes: tuple[int, ...] = (0,)) -> Any:
    """What a command prints as JSON."""
    return json.loads(chain.catalog(*arguments, "--json", codes=codes))


def titles(answer: Any) -> list[str]:
    """Titles of the tracks of a lookup's answer."""
    return [match["track"]["title"] for match in answer["matches"] if match["owner"] == "track"]


@pytest.fixture
def isrc() -> str:
    """An ISRC of the test's own; its rows have it for their id too."""
    return f"QZPST26{next(NUMBERS):05d}"


@pytest.fixture
def instants(chain: Chain, isrc: str) -> list[datetime]:
    """A track with an ISRC was added, renamed and removed; the time before each."""
    found = []
    steps = (
        (
            "INSERT INTO recording (id, title) VALUES (%(own)s, 'C')",
            "INSERT INTO track (id, recording_id, title) VALUES (%(own)s, %(own)s, 'first')",
            "INSERT INTO identifier (id, owner_type, owner_id, scheme, value_raw, value, is_valid)"
            " VALUES (%(own)s, 'recording', %(own)s, 'isrc', %(isrc)s, %(isrc)s, true)",
        ),
        ("UPDATE track SET title = 'second' WHERE id = %(own)s",),
        ("DELETE FROM track WHERE id = %(own)s", "DELETE FROM identifier WHERE id = %(own)s"),
    )
    with psycopg.connect(chain.endpoints.master_dsn, autocommit=True) as connection:
        for statements in steps:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
            assert row is not None
            found.append(row[0])
            with connection.transaction():
                for statement in statements:
                    connection.execute(statement.encode(), {"own": isrc, "isrc": isrc})
    chain.idle()
    return found


def test_the_past_can_be_asked(chain: Chain, instants: list[datetime], isrc: str) -> None:
    story = said(chain, "explain", "track", isrc)
    assert (story["row"], story["complete"]) == (None, True)
    removed, renamed, added = story["events"]
    assert [e["type"] for e in story["events"]] == ["TrackRemoved", "TrackUpdated", "TrackAdded"]
    assert renamed["changes"] == {"title": {"before": "first", "after": "second"}}
    assert added["changes"]["title"] == {"after": "first"}
    assert renamed["origin"]["transaction"] != removed["origin"]["transaction"]
    assert renamed["schema"]["version"] >= 1
    assert added["offset"] < renamed["offset"] < removed["offset"]
    only = said(chain, "explain", "track", isrc, "--field", "url")
    assert [event["type"] for event in only["events"]] == ["TrackRemoved"]
    row = said(chain, "explain", "recording", isrc)
    assert row["row"]["title"] == "C"
    assert [event["offset"] for event in row["events"]] == [row["written_by"]["offset"]]
    text = chain.catalog("explain", "track", isrc)
    assert 'title: "first" → "second"' in text
    assert "all there are" in text
    chain.catalog("explain", "track", "past:nobody", codes=(1,))
    chain.catalog("explain", "track", isrc, "--field", "colour", codes=(2,))

    plan = said(chain, "rebuild", "--dry-run", "--as-of", instants[2].isoformat())
    assert plan["history_whole"] is True
    assert plan["offsets"] == sum(one["to"] - one["from"] for one in plan["reads"]) > 0
    held = {}
    for instant in instants:
        made = said(chain, "rebuild", "--as-of", instant.isoformat())
        assert made["phase"] == "frozen"
        asked = said(chain, "lookup", "isrc", isrc, "--generation", str(made["generation"]))
        held[made["generation"]] = titles(asked)
    assert list(held.values()) == [[], ["first"], ["second"]]
    number = str(min(held))
    assert titles(said(chain, "lookup", "isrc", isrc)) == []
    chain.catalog("switch", number, "--force", codes=(2,))
    assert said(chain, "generations", "drop", number)["phase"] == "dropped"
    chain.catalog("lookup", "isrc", isrc, "--generation", number, codes=(2,))
    listed = {one["number"]: one for one in said(chain, "generations")}
    assert min(held) not in listed
    assert listed[max(held)]["as_of"] is not None
    assert listed[max(held)]["throughput"]["filling"]["offsets"] == plan["offsets"]
    for left in sorted(held)[1:]:
        chain.catalog("generations", "drop", str(left))


def test_some_tables_are_rebuilt(chain: Chain, instants: list[datetime], isrc: str) -> None:
    plan = said(chain, "rebuild", "--dry-run", "--topics", "track,identifier")
    assert {one["topic"] for one in plan["reads"]} == {"catalog.track", "catalog.identifier"}
    assert "catalog.recording" in plan["carried_over"]
    before = said(chain, "explain", "recording", isrc)["row"]
    done = said(chain, "rebuild", "--topics", "track", "--topics", "identifier")
    assert (done["switched"], done["comparison"]["equal"]) == (True, True)
    assert said(chain, "explain", "recording", isrc)["row"] == before
    assert said(chain, "verify")["equal"] is True
    assert said(chain, "rebuild", "--dry-run")["seconds"].keys() >= {"filling", "indexing"}
