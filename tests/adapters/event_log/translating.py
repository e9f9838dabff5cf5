"""A translating process that a test may kill: its arguments come as JSON on standard input."""

import json
import sys
from threading import Event

from adapters.cli.interruption import stopping
from adapters.composition.endpoints import Endpoints
from adapters.composition.translation import Watching, translation_context
from adapters.event_log.change_log import ChangeGroup
from adapters.event_log.registry_endpoint import RegistryEndpoint
from projections.translation import worker
from projections.translation.counters import TranslationCounters


def main() -> None:
    told = json.load(sys.stdin)
    endpoints = Endpoints(
        kafka=told["kafka"],
        registry=RegistryEndpoint(told["registry"]),
        connect_url=told["connect"],
        master_dsn=told["master"],
        read_dsn=told["read"],
    )
    group = ChangeGroup(told["group"], told["instance"], told["topics"])
    stop = Event()
    with (
        stopping(stop),
        translation_context(endpoints, group, Watching(TranslationCounters())) as context,
    ):
        worker.run(context, stop)


if __name__ == "__main__":
    main()
