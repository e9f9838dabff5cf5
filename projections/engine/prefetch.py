"""Lets one thread work ahead of another by a few steps, and hands its errors over in their turn."""

from collections.abc import Callable, Generator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")


IDLE_SECONDS = 0.1


def prefetch(
    items: Generator[Item, None, None],
    steps: int = 1,
    meanwhile: Callable[[], None] = lambda: None,
    discard: Callable[[Item], object] = lambda _: None,
) -> Generator[Item, None, None]:
    """Run `items` in a thread; `steps` of them may wait for the reader.

    With the one in the making and the one in the reader's hands there are `steps` + 2 at most.
    An error of theirs is raised here, in its turn; closing this closes them. `meanwhile` is called
    in the reader's thread, ten times per second while it waits; `discard` gets items that the
    reader has not taken when this is closed.
    """
    queue: Queue[tuple[Item | None, BaseException | None]] = Queue(steps)
    abandoned = Event()

    def put(entry: tuple[Item | None, BaseException | None]) -> bool:
        while not abandoned.is_set():
            try:
                queue.put(entry, timeout=0.2)
            except Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    discard(item)
                    return
            put((None, None))
        except BaseException as error:  # handed over to the reader, whatever it is
            put((None, error))
        finally:
            items.close()

    thread = Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            try:
                item, error = queue.get(timeout=IDLE_SECONDS)
            except Empty:
                meanwhile()
                continue
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        abandoned.set()
        _drain(queue, discard)
        thread.join()
        _drain(queue, discard)  # what it had put meanwhile


def _drain(
    queue: Queue[tuple[Item | None, BaseException | None]], discard: Callable[[Item], object]
) -> None:
    while True:
        try:
            item, _ = queue.get_nowait()
        except Empty:
            return
        if item is not None:
            discard(item)
