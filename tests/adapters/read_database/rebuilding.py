"""A process that rebuilds and says each of its steps, to be killed by a test.

Its log is the test's own: the same events, made again.
"""

import sys

from adapters.read_database.generations import PostgresGenerations
from adapters.read_database.read_store import PostgresReadStore
from adapters.read_database.spool import DiskSpool
from projections.engine.context import EngineContext
from projections.engine.rebuild import rebuild
from tests.adapters.read_database.test_rebuild import speak
from tests.projections.engine.chain import MODEL, Chain


def main(dsn: str, count: int) -> None:
    """Rebuild once."""
    chain = Chain()
    speak(chain, count)
    chain.log.on_chunk = lambda: print("chunk", flush=True)
    store = PostgresReadStore(dsn, MODEL)
    generations = PostgresGenerations(dsn, MODEL)
    context = EngineContext(MODEL, chain.log, chain.decoder, store, generations, DiskSpool)
    rebuild(context, report=lambda step: print(step.phase, flush=True))
    print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
