"""`catalog verify` finds what was changed behind the events' back."""

import json

import psycopg
import pytest

from tests.chain.load import base_id
from tests.chain.loading import Load
from tests.chain.processes import Chain
from tests.chain.size import Size

pytestmark = pytest.mark.integration


def test_a_row_changed_by_hand_is_found_with_its_column_and_event(chain: Chain, size: Size) -> None:
    with Load(chain, size.rate) as load:
        pass
    chain.idle()
    own = base_id(load.seed, 7)
    with psycopg.connect(chain.endpoints.read_dsn) as connection:
        row = connection.execute(
            "SELECT title, event_id, event_partition, event_offset FROM catalog.release"
            " WHERE id = %s",
            (own,),
        ).fetchone()
        assert row is not None
        title, event, partition, offset = row
        connection.execute("UPDATE catalog.release SET title = 'by hand' WHERE id = %s", (own,))
        connection.commit()
        try:
            report = json.loads(chain.catalog("verify", "--json", codes=(3,)))
        finally:
            connection.execute("UPDATE catalog.release SET title = %s WHERE id = %s", (title, own))
            connection.commit()
    assert report["equal"] is False
    (found,) = report["differences"]
    assert (found["table"], found["id"], found["columns"]) == ("release", own, ["title"])
    assert (found["live"], found["replayed"]) == ({"title": "by hand"}, {"title": title})
    assert (found["event"], found["topic"]) == (event, "catalog.release")
    assert (found["partition"], found["offset"]) == (partition, offset)
    assert json.loads(chain.catalog("verify", "--json"))["equal"] is True
