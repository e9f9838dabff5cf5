"""Bytes as a person reads them."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.dashboard.records import described, hexadecimal
from adapters.event_log.avro.objects import RecordReader
from adapters.event_log.avro.wire import UnknownSchemaId


class _NoSchemas:
    def schema_text(self, schema_id: int) -> str:
        raise UnknownSchemaId(f"no schema has id {schema_id}")


READER = RecordReader(_NoSchemas())


@given(st.none() | st.binary())
def test_whatever_the_bytes_are_something_is_said(value: bytes | None) -> None:
    kind, _ = described(READER, value)
    assert kind in ("tombstone", "change", "undecodable")


def test_changes_are_shown_as_json_and_the_rest_with_its_bytes() -> None:
    assert described(READER, b'{"after":{"id":"1"}}')[0] == "change"
    kind, text = described(READER, b"\x00\x00\x00\x00\x07abc")
    assert kind == "undecodable"
    assert "no schema has id 7" in text
    assert "00 00 00 00 07 61 62 63" in text
    assert hexadecimal(bytes(5000)).endswith("3976 bytes more")
