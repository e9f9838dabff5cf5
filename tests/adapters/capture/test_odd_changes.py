"""Changes that raise anything at all are unusable, with a reason of bounded length."""

import json

import pytest

from adapters.capture.records import DebeziumReader
from adapters.event_log.avro.encoder import AvroEventEncoder
from domain.failures import LONGEST_REASON, Unusable, reason_of
from projections.ports.change_reader import Skip
from projections.translation.interpreter import Interpreter
from tests.adapters.event_log.avro.dictionary import DictionaryRegistry

KEY = b'{"id": "x"}'
DEEP = b"[" * 20_000 + b"]" * 20_000


def change(table: str = "track", after: dict[str, object] | None = None, **source: object) -> bytes:
    told = {"connector": "postgresql", "ts_ms": 1, "lsn": 1, "table": table, **source}
    row = {"id": "x", **(after or {})}
    return json.dumps({"op": "c", "before": None, "after": row, "source": told}).encode()


NAMED = json.dumps(
    {
        "schema": {
            "fields": [{"field": "after", "fields": [{"field": "valid_from", "name": [1]}]}]
        },
        "payload": json.loads(change("deal", {"use_type": "X", "valid_from": 1})),
    }
).encode()
UNUSABLE = {
    "an instant far away": ("track", change(ts_ms=10**17)),
    "microseconds far away": ("track", change(ts_us=2**63)),
    "microseconds far before": ("track", change(ts_us=-(2**63))),
    "milliseconds far before": ("track", change(ts_ms=-(10**16))),
    "a deep document as text": (
        "deal",
        change("deal", {"use_type": "X", "prices": "[" * 20_000 + "]" * 20_000}),
    ),
    "a deep document": (
        "deal",
        change("deal", {"use_type": "X", "prices": "@"}).replace(b'"@"', DEEP),
    ),
    "a deep before": ("track", change().replace(b'"before": null', b'"before":' + DEEP)),
    "a deep schema": ("track", b'{"schema":' + DEEP + b',"payload":' + change() + b"}"),
    "a deep value": ("track", DEEP),
    "a deep value of a topic that makes no events": ("ern_message", b'{"a":' + DEEP + b"}"),
    "a price without bounds": (
        "deal",
        change("deal", {"use_type": "X", "prices": '[{"amount": "1e999999999999"}]'}),
    ),
    "a large price": (
        "deal",
        change("deal", {"use_type": "X", "prices": '[{"amount": "1e999990"}]'}),
    ),
    "a position beyond the log": ("track", change(sequence='["99999999999999999999999", "1"]')),
    "a position before the log": ("track", change(sequence='["-5", "1"]')),
    "a schema's name is a list": ("deal", NAMED),
    "an id that is no text": ("track", change(after={"id": "\ud800"})),
    "five megabytes of one value": ("track", change(after={"track_number": "x" * 5_000_000})),
}


def judged(table: str, key: bytes | None, value: bytes) -> None:
    interpreter = Interpreter(DebeziumReader(), AvroEventEncoder(DictionaryRegistry()))
    interpreter.prepare()
    found = interpreter.change(f"master.public.{table}", 0, 1, key, value)
    if not isinstance(found, Skip):
        interpreter.events(found)


@pytest.mark.parametrize("name", UNUSABLE)
def test_it_is_unusable_with_a_bounded_reason(name: str) -> None:
    table, value = UNUSABLE[name]
    with pytest.raises(Unusable) as problem:
        judged(table, KEY, value)
    reason = reason_of(problem.value)
    assert len(reason) < LONGEST_REASON + 50
    assert reason.encode().decode() == reason, "it can be stored"


def test_a_deep_key_is_unusable() -> None:
    with pytest.raises(Unusable):
        judged("track", b'{"x":' + DEEP + b',"id":"x"}', change())


def test_what_nobody_carries_may_be_anything_that_can_be_read() -> None:
    judged("track", KEY, change(after={"other": "@"}).replace(b'"@"', b"[" * 50 + b"]" * 50))
