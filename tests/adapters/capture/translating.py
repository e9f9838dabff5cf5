"""A translating process that a test may kill: its arguments come as JSON on standard input."""

import json
import sys
from threading import Event

from adapters.capture.translator import run_translator
from adapters.cli.interruption import stopping
from adapters.event_log.avro.encoder import EventEncoder
from adapters.event_log.registry import Registry
from adapters.read_database.dead_letters import PostgresDeadLetters


def main() -> None:
    told = json.load(sys.stdin)
    stop = Event()
    with stopping(stop):
        run_translator(
            told["kafka"],
            told["topics"],
            EventEncoder(Registry(told["registry"])),
            PostgresDeadLetters(told["dsn"], "catalog"),
            stop,
            group=told["group"],
            instance=told["instance"],
        )


if __name__ == "__main__":
    main()
