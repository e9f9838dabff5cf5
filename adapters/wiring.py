"""The one place that connects the ports to the adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adapters.endpoints import Endpoints
from adapters.settings import Settings


@contextmanager
def running_services(
    settings: Settings, endpoints: Endpoints, report: Callable[[str], None]
) -> Iterator[Callable[[], None]]:
    """What `catalog up` runs besides the engines, started in order and stopped on leaving.

    Yields a function that is called twice a second and raises a CatalogError when one of them
    has ended by itself.
    """
    yield lambda: None
