"""Where a server listens: the socket of its address, and how the address is shown."""

from socket import socket

from domain.failures import WrongUsage


def listen_on(host: str, port: int) -> socket:
    """A listening socket; port 0 takes a free one. Raises WrongUsage where the address is taken."""
    from adapters.api import server

    try:
        return server.listen(host, port)
    except OSError as error:
        raise WrongUsage(
            f"can't listen on {host} port {port}: {error.strerror};"
            " choose others with --host, --port"
        ) from error


def address_of(host: str, listening: socket) -> str:
    """`http://127.0.0.1:8000`, with the port that was taken."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listening.getsockname()[1]}"
