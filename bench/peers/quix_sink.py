"""Runs in Quix Streams' own environment: reads its task as JSON, writes what it took as JSON."""

# Not part of the package's imports: quixstreams is not installed in our environment.
import json
import resource
import sys
import time
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found]
from quixstreams.sinks.community.postgresql import PostgreSQLSink  # type: ignore[import-not-found]


class Timed(PostgreSQLSink):  # type: ignore[misc]
    """Notes when the last batch was written: stopping the application takes its own time."""

    written = 0.0

    def write(self, batch: Any) -> None:
        """Write and look at the clock."""
        super().write(batch)
        self.written = time.monotonic()


def main() -> None:
    """Sink so many events and stop."""
    task = json.load(sys.stdin)
    application = Application(
        broker_address=task["brokers"],
        consumer_group="bench-quix",
        auto_offset_reset="earliest",
        commit_every=100_000,
        commit_interval=3600,
        loglevel="WARNING",
        consumer_extra_config={"fetch.queue.backoff.ms": 10},
    )
    sink = Timed(
        **task["sink"],
        schema_auto_update=False,
        primary_key_columns="id",
        upsert_on_primary_key=True,
        include_metadata=False,
    )
    topic = application.topic(task["topic"], value_deserializer="json", key_deserializer="str")
    frame = application.dataframe(topic)
    frame.sink(sink)
    began = time.monotonic()
    application.run(count=task["events"], collect=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": sink.written - began, "peak_mb": peak}))


main()
