"""Generations as an operator sees them: what each is for, and which unfinished one nobody works on.

A rebuild that failed or was killed leaves its generation as it was, to go on from there. Nothing
in its row tells that apart from one that is being built: only the lock of whoever builds does.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from adapters.read_database import generation_rows
from projections.engine.scope import UNFINISHED
from projections.ports.generations import Generation, Purpose

STOPPED = "stopped"
"""Stands for the phase of a generation that is unfinished while nobody works on it."""


@dataclass(frozen=True, slots=True)
class SeenGeneration:
    """A generation, and whether somebody works on it."""

    generation: Generation
    is_stopped: bool

    @property
    def state(self) -> str:
        """Its phase, or that it has stopped in it."""
        return STOPPED if self.is_stopped else self.generation.phase.value

    @property
    def stopped_since(self) -> datetime | None:
        """When the last was heard of a build that stopped."""
        return self.generation.changed_at if self.is_stopped else None

    @property
    def why(self) -> str:
        """Why it stopped, in a sentence; nothing for one that didn't."""
        if not self.is_stopped:
            return ""
        return self.generation.note or "its process ended before it was done"

    @property
    def is_scratch(self) -> bool:
        """Made by `catalog verify` to be compared, and dropped then."""
        return self.generation.purpose is Purpose.VERIFY

    @property
    def made_for(self) -> str:
        """What sets it apart from a whole generation that is to be live; nothing for that."""
        scope = self.generation.scope
        if self.is_scratch:
            return "verification only"
        if scope.as_of is not None:
            return f"as of {scope.as_of.isoformat()}"
        return f"carried over: {', '.join(sorted(scope.carried))}" if scope.carried else ""

    @property
    def way_on(self) -> str:
        """What a user can do about one that has stopped; nothing for one that hasn't."""
        one = self.generation
        if not self.is_stopped:
            return ""
        drop = f"`catalog generations drop {one.number} --model {one.read_model}` drops it"
        if self.is_scratch:
            return f"`catalog verify --model {one.read_model}` goes on, {drop}"
        command = f"`catalog rebuild --model {one.read_model}`"
        if one.scope.as_of is not None:
            command = f"{command[:-1]} --as-of {one.scope.as_of.isoformat()}`"
        if one.scope.carried:
            command += " with the same --topics"
        return f"{command} goes on, {drop}"


def seen_generations(
    connection: psycopg.Connection, read_models: Sequence[str]
) -> list[SeenGeneration]:
    """Every generation of these read models, oldest first. On the read database."""
    # Before and after: a build that begins or ends meanwhile must not seem to have stopped.
    builders = generation_rows.builders(connection, read_models)
    found = [one for name in read_models for one in generation_rows.generations(connection, name)]
    return seen(found, builders | generation_rows.builders(connection, read_models))


def seen(generations: Sequence[Generation], builders: Collection[str]) -> list[SeenGeneration]:
    """Generations of several read models; `builders` are those models that are being built."""
    return [
        SeenGeneration(one, one.phase in UNFINISHED and one.read_model not in builders)
        for one in generations
    ]
