"""What the demonstrations of `catalog run` are made of: stages that are told of, and a sample."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from adapters.composition.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from adapters.composition.endpoints import Endpoints

IDLE_SECONDS = 120.0


@dataclass(frozen=True)
class RunningChain:
    """Engines and workers that run."""

    endpoints: "Endpoints"
    mariadb: str
    """Address of the MariaDB, where one was asked for."""
    check: Callable[[], None]
    """To be called now and then; see `services.running_workers`."""


@dataclass(frozen=True)
class Demonstration:
    """What a demonstration shows."""

    lookups: Sequence[tuple[str, str]]
    """Scheme and value of what is looked up at the end."""
    fill: Callable[[Settings, RunningChain, "Show"], None]
    """Brings the sample into the master catalog, and waits until it is in the read catalog."""
    stages: int
    """How many are told of, those of `fill` among them."""
    settings: str = ""
    """What else is exported for who goes on with what was made."""


@dataclass
class Show:
    """Tells what happens: a line per stage, and on a terminal what it is doing."""

    console: "Console"
    stages: int
    number: int = 0
    began: float = field(default_factory=monotonic)
    status: "Status | None" = None

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)

    def hint(self, text: str) -> None:
        """What a stage is doing; only a terminal sees it."""
        if self.status is not None:
            self.status.update(f"{self.title}: {text}")

    @contextmanager
    def stage(self, title: str) -> Iterator[Callable[[str], None]]:
        """A stage; what it yields is called with its outcome."""
        self.number += 1
        self.title = f"[{self.number}/{self.stages}] {title}"
        began = monotonic()
        if not self.console.is_terminal:
            self.say(self.title)

        def done(outcome: str) -> None:
            self.say(f"      {outcome} ({monotonic() - began:.1f} s)")

        if self.console.is_terminal:
            with self.console.status(self.title) as self.status:
                outcomes: list[str] = []
                yield outcomes.append
            self.status = None
            self.say(self.title)
            for outcome in outcomes:
                done(outcome)
        else:
            yield done


def show_idle(settings: Settings, endpoints: "Endpoints", show: Show) -> None:
    """The stage that waits until all is in the read catalog."""
    from adapters.composition.chain import await_idle

    with show.stage("capture, translate, project until everything is through") as done:
        found = await_idle(
            settings,
            endpoints,
            seconds=IDLE_SECONDS,
            watch=lambda now: show.hint(f"{sum(t.lag for t in now.topics):,} records to go"),
        )
        changes = sum(t.end for t in found.topics if t.stage == "translate")
        events = sum(t.end for t in found.topics if t.stage == "project")
        done(f"{changes:,} change records, {events:,} event records on the topics")
