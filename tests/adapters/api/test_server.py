"""The socket that a server's processes accept from."""

import errno
import socket

import pytest

from adapters.api.server import is_loopback, listen


def test_who_connects_before_it_is_served_waits() -> None:
    with (
        listen("127.0.0.1", 0) as listening,
        socket.create_connection(listening.getsockname(), 5) as early,
    ):
        early.sendall(b"a question")
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.recv(100) == b"a question"


def test_a_taken_address_is_refused_at_once() -> None:
    with listen("127.0.0.1", 0) as listening, pytest.raises(OSError) as refused:  # noqa: PT011
        listen("127.0.0.1", listening.getsockname()[1])
    assert refused.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("localhost", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("0.0.0.0", False),  # noqa: S104 - a name, no address that is taken
        ("elsewhere.example", False),
    ],
)
def test_what_is_reached_from_this_machine_only(host: str, near: bool) -> None:
    assert is_loopback(host) is near
