"""The embedded broker's id: drawn, and passed on a command line."""

from __future__ import annotations

import uuid

import pytest

from adapters.embedded.kafka import cluster_id

DASHED = uuid.UUID(int=0b111110 << 122)  # the 62nd letter of base64url is the dash


def test_an_id_that_looks_like_an_option_is_passed_over() -> None:
    plain = uuid.UUID(int=1)

    assert cluster_id([DASHED, plain]) == "AAAAAAAAAAAAAAAAAAAAAQ"


def test_no_id_is_made_up_when_none_will_do() -> None:
    with pytest.raises(ValueError, match="dash"):
        cluster_id([DASHED])
