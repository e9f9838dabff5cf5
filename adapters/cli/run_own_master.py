"""`catalog run --own-master`: the sample is a shop's own master, in MariaDB, instead of deliveries.

The shop's tables are captured by Debezium, kept as they are, and mapped by the SELECTs of
`adapters/source/sample/shop`.
"""

from datetime import UTC, datetime
from functools import partial
from time import monotonic, sleep

from pydantic import SecretStr

from adapters.cli.demonstration import (
    IDLE_SECONDS,
    Demonstration,
    RunningChain,
    Show,
    show_idle,
)
from adapters.composition.setting_groups import SourceSettings
from adapters.composition.settings import Settings
from domain.failures import Failure, Unhealthy

LOOKUPS = (("isrc", "QZ5AC2600061"), ("upc", "299700000070"))
"""Scheme and value of two lookups that find something: a track of the shop, and its release."""
_PAUSE = 0.2


def with_mariadb(settings: Settings) -> Settings:
    """The same settings, with a MariaDB among the engines, and the connector that reads it."""
    connectors = sorted({*settings.embedded.connectors, "mariadb"})
    embedded = settings.embedded.model_copy(update={"mariadb": True, "connectors": connectors})
    return settings.model_copy(update={"embedded": embedded})


def _fill(settings: Settings, chain: RunningChain, show: Show) -> None:
    from adapters.composition import foreign_databases, sources
    from adapters.source.sample import DATABASE, FOLDER

    name = FOLDER.name
    settings = settings.model_copy(
        update={"source": SourceSettings(address={name: SecretStr(chain.mariadb)})}
    )
    with show.stage("make a shop's tables in MariaDB, with rows") as done:
        if not foreign_databases.has_tables(chain.mariadb, name):
            script = DATABASE.read_text(encoding="utf-8")
            foreign_databases.execute(chain.mariadb, name, script)
        done("500 releases, 5,000 tracks")
    with show.stage("apply the shop as a source: capture, replicate, map by SELECTs") as done:
        files, source = sources.of_folder(FOLDER)
        applied = sources.apply(settings, chain.endpoints, files, source, show.hint)
        rows = sum(applied.written.values())
        done(f"{applied.rows:,} rows replicated, {rows:,} rows of the master written")
    show_idle(settings, chain.endpoints, show)
    with show.stage("rename a release at the shop, and follow") as done:
        began = monotonic()
        title = f"Renamed at {datetime.now(UTC):%H:%M:%S}"
        change = f"UPDATE releases SET title = '{title}' WHERE releaseId = 7"
        foreign_databases.execute(chain.mariadb, name, change)
        _await_title(chain, title)
        done(f"a lookup shows it {monotonic() - began:.1f} s after the commit")
    with show.stage("hold master and replica against the shop's own tables") as done:
        found = sources.verify(settings, chain.endpoints, name)
        if found.disagreements or found.replica:
            raise Failure(f"the source differs: {found.disagreements} {dict(found.replica)}")
        done("all rows are the same")


def _await_title(chain: RunningChain, title: str) -> None:
    from adapters.composition.databases import read_queries
    from projections.catalog.queries.lookup import asked, look_up

    until = monotonic() + IDLE_SECONDS
    with read_queries(chain.endpoints, "run") as queries:
        ask = partial(look_up, queries.rows, [asked(*LOOKUPS[1])])
        while not any(e["release"]["title"] == title for e in ask()[0].matches()):
            if monotonic() > until:
                raise Unhealthy("the change at the shop doesn't come: see the logs")
            chain.check()
            sleep(_PAUSE)


_EXPORTED = """
  export CATALOG_EMBEDDED__MARIADB=true CATALOG_EMBEDDED__CONNECTORS='["mariadb"]'"""
OWN_MASTER = Demonstration(LOOKUPS, _fill, stages=11, settings=_EXPORTED)
