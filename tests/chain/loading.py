"""The load as a process, with a seed that no other test of the session has."""

import json
import os
import sys
from itertools import count
from types import TracebackType
from typing import Self

from tests.chain.processes import Chain
from tests.waiting import until

_seeds = count(1000 * (os.getpid() % 1000))
"""Others in each session, since engines may be kept from one to the next."""


def next_seed() -> int:
    """A seed that nobody else in this session has."""
    return next(_seeds)


class Load:
    """As many changes per second as `rate` says, for as long as the context lasts."""

    def __init__(self, chain: Chain, rate: int) -> None:
        self.seed = next_seed()
        self.changes = 0
        self.per_second = 0.0
        self._chain = chain
        self._name = f"load-{self.seed}"
        self._rate = rate

    def __enter__(self) -> Self:
        command = ("-m", "tests.chain.load", str(self._rate), str(self.seed))
        self._child = self._chain.start(self._name, command, (sys.executable,))
        until(self._has_begun, 60, f"the load begins: {self._child.output()}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._chain.children.pop(self._name)
        output = self._child.stop()
        if kind is None:
            done = json.loads(output.splitlines()[-1])
            self.changes = done["changes"]
            self.per_second = done["changes"] / max(done["seconds"], 0.001)

    def _has_begun(self) -> bool:
        assert self._child.is_running, self._child.output()
        return "ready" in self._child.output()
