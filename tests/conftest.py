"""What all tests share: the real engines, started once a run, and the corpus where it is."""

import faulthandler
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
import psycopg
import pytest

from adapters.composition.endpoints import Endpoints
from adapters.composition.engines import running_engines
from adapters.composition.settings import Settings, load_settings
from tests.databases import Databases

ROOT = Path(__file__).parent.parent
_LAST_S = 120  # for threads and clients to end after the last test
CORPUS = ROOT.parent / "shared" / "corpus"


# A timing is no test: what takes long on a busy machine isn't wrong. Here and not in a hook, since
# the settings of other modules are made from these when they are imported.
hypothesis.settings.register_profile("untimed", hypothesis.settings.default, deadline=None)
hypothesis.settings.register_profile(
    "mutants", deadline=None, max_examples=25, derandomize=True, database=None
)
hypothesis.settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what reads the corpus where there is none, and say why."""
    if CORPUS.is_dir():
        return
    absent = pytest.mark.skip(reason="the shared corpus isn't beside the project's folder")
    for item in items:
        if item.get_closest_marker("corpus"):
            item.add_marker(absent)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """A run that is over ends: what still keeps the interpreter then is shown."""
    faulthandler.dump_traceback_later(_LAST_S, exit=True, file=sys.stderr)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real feeds and messages; only for tests marked `corpus`."""
    return CORPUS


@pytest.fixture(autouse=True, scope="session")
def _settings_of_the_user_stay_out() -> Iterator[None]:
    """A developer's own CATALOG_ settings must not decide what a test sees; the cache may stay."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if _is_foreign(name)}
    yield
    os.environ.update(kept)


def _is_foreign(name: str) -> bool:
    return name.startswith("CATALOG_") and not name.startswith(
        ("CATALOG_CACHE", "CATALOG_EMBEDDED")
    )


@pytest.fixture(scope="session")
def settings() -> Iterator[Settings]:
    """Settings of this run: a data folder of its own, everything embedded.

    Not in pytest's own temporary folder: that is closed to the user as whom PostgreSQL runs when
    we are root, and each start of another pytest closes it again.
    """
    with TemporaryDirectory(prefix="catalog-tests-") as folder:
        Path(folder).chmod(0o711)
        yield load_settings(data=Path(folder) / "data")


@pytest.fixture(scope="session")
def engines(settings: Settings) -> Iterator[Endpoints]:
    """Kafka, registry, Connect and PostgreSQL, all real, until the run ends."""
    with running_engines(settings) as endpoints:
        _never_sync(endpoints.read_dsn)
        yield endpoints


def _never_sync(dsn: str) -> None:
    """What is thrown away with the run need not outlive a power cut; `kill -9` it still does."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name in ("fsync", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {name} = off".encode())
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def databases(engines: Endpoints) -> Databases:
    """Makes databases of tests' own."""
    return Databases(engines.read_dsn)


@pytest.fixture
def database(databases: Databases) -> Iterator[str]:
    """DSN of an empty database of the test's own."""
    dsn = databases.create()
    yield dsn
    databases.drop(dsn)
