"""An end for requests from which the client may never return.

librdkafka's `rd_kafka_send_offsets_to_transaction` ignores its timeout: where the group's
coordinator went away meanwhile, it waits for good (its issues 5456 and 5511, open as of 2.16). Seen
here: the only broker was killed and came back, and a translator stood still, alive and a member.
"""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread


class Unanswered(Exception):
    """The request has not returned in time. It may still wait, with all that it holds."""


def bounded(request: Callable[[], object], seconds: float) -> None:
    """Run a request in a thread of its own. Raises what it raises, and Unanswered."""
    outcomes: SimpleQueue[BaseException | None] = SimpleQueue()

    def run() -> None:
        try:
            request()
        except BaseException as error:
            outcomes.put(error)
        else:
            outcomes.put(None)

    Thread(target=run, name="bounded", daemon=True).start()  # a process ends without it
    try:
        error = outcomes.get(timeout=seconds)
    except Empty:
        raise Unanswered(f"no answer in {seconds:.0f} s") from None
    if error is not None:
        raise error
