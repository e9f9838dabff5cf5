"""Kafka Connect's client, where there is none."""

import pytest

from adapters.capture.connect import Connect, ConnectProblem


def test_a_password_in_the_address_is_not_told() -> None:
    with pytest.raises(ConnectProblem, match=r"at http://127\.0\.0\.1:1 can't be reached") as told:
        Connect("http://me:hidden@127.0.0.1:1").status("master")
    assert "hidden" not in str(told.value)
