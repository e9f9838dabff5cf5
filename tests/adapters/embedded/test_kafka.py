"""The embedded broker's id: drawn, and passed on a command line."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from adapters.embedded.kafka import _broker_properties, cluster_id

DASHED = uuid.UUID(int=0b111110 << 122)  # the 62nd letter of base64url is the dash


def test_an_id_that_looks_like_an_option_is_passed_over() -> None:
    plain = uuid.UUID(int=1)

    assert cluster_id([DASHED, plain]) == "AAAAAAAAAAAAAAAAAAAAAQ"


def test_no_id_is_made_up_when_none_will_do() -> None:
    with pytest.raises(ValueError, match="dash"):
        cluster_id([DASHED])


def test_the_broker_takes_in_what_its_clients_may_send(tmp_path: Path) -> None:
    told = _broker_properties(tmp_path, 1, 2, {"message.max.bytes": "5000000"})
    assert told["message.max.bytes"] == "5000000"
    assert "message.max.bytes" not in _broker_properties(tmp_path, 1, 2, {})
