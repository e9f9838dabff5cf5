"""What is parked says what to do, and that works."""

import pytest

from domain.failures import Unusable, reason_of
from projections.translation.policy import STRICT
from projections.translation.retry import RetryContext, retry
from tests.adapters.capture.forms import POSTGRES, key, value
from tests.adapters.capture.forms import value as record_of
from tests.projections.translation.memory_brokers import MemoryEventWriter, MemoryGroupPositions
from tests.projections.translation.test_repeats import AT, World

ARTIST = {**POSTGRES, "table": "artist"}
ROW = dict.fromkeys(("sort_name", "party_id", "message_id"))
UNAVAILABLE = "__debezium_unavailable_value"


def test_a_toasted_value_whose_row_is_unknown_is_cured_by_taking_the_row_in_again() -> None:
    world = World()
    toasted = {"id": "7", **ROW, "display_name": UNAVAILABLE}
    assert world.translate((key("7"), value("u", None, toasted, ARTIST))) == 0
    (parked,) = world.translation.dead_letters.list()
    assert "catalog recapture artist 7" in parked.reason
    whole = {**toasted, "display_name": "long"}
    again = record_of("r", None, whole, ARTIST, sequence=None, lsn=None, snapshot="incremental")
    assert world.translate((key("7"), again)) == 0, "it waits behind the parked one"
    world.translation.dead_letters.discard([parked.number])
    context = RetryContext(
        world.translation.interpreter,
        world.translation.dead_letters,
        MemoryEventWriter(world.brokers, "retry"),
        MemoryGroupPositions(world.brokers, "retry"),
        STRICT,
    )
    assert len(retry(context).done) == 1
    (event,) = world.brokers.written
    assert b"long" in event.value


def test_a_truncate_advises_the_audit() -> None:
    world = World()
    with pytest.raises(Unusable) as problem:
        world.translation.interpreter.change(*AT, 0, None, value("t", None, None, ARTIST))
    assert "`catalog audit --heal artist`" in reason_of(problem.value)
