"""The versions of each contract that were ever published, as they stand in this folder."""

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from domain.events import EVENT_TYPES, Event
from domain.schemas.derivation import Schema, full_name

_FILE = re.compile(r"v([1-9][0-9]*)\.avsc")


@dataclass(frozen=True, slots=True)
class Version:
    """One published version of a contract."""

    number: int
    text: str
    """As checked in, and as registered."""

    @property
    def schema(self) -> Schema:
        """The parsed text."""
        parsed: Schema = json.loads(self.text)
        return parsed


@dataclass(frozen=True, slots=True)
class Contract:
    """An event type with all its published versions, oldest first."""

    event_type: type[Event]
    versions: tuple[Version, ...]

    @property
    def name(self) -> str:
        """Full name of the record, which is also the registry's subject."""
        return full_name(self.event_type)

    @property
    def folder(self) -> str:
        """Where its versions stand, below this package: `track/TrackAdded`."""
        return f"{self.event_type.SUBJECT}/{self.event_type.__name__}"

    @property
    def newest(self) -> Version:
        """The version that writers write.

        Raises:
            LookupError: nothing is published yet.
        """
        if not self.versions:
            raise LookupError(f"{self.name} has no published schema: run `catalog schemas write`")
        return self.versions[-1]


def contract_of(event_type: type[Event]) -> Contract:
    """Load the published versions of an event type, oldest first; there may be none.

    Raises:
        LookupError: a version between the first and the last is missing.
    """
    empty = Contract(event_type, ())
    return replace(empty, versions=_published(empty.folder))


def contracts() -> tuple[Contract, ...]:
    """Contracts of all event types, in the order of `EVENT_TYPES`."""
    return tuple(contract_of(event_type) for event_type in EVENT_TYPES)


@cache
def _published(path: str) -> tuple[Version, ...]:
    folder = files(__package__).joinpath(path)
    if not folder.is_dir():
        return ()
    texts = {
        int(match[1]): file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if (match := _FILE.fullmatch(file.name))
    }
    numbers = sorted(texts)
    if numbers != list(range(1, len(texts) + 1)):
        raise LookupError(f"{path} holds versions {numbers}: none may be missing")
    return tuple(Version(number, texts[number]) for number in numbers)
