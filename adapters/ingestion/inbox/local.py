"""An inbox in a folder of this machine."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from adapters.ingestion.inbox.store import RESERVED, Entry
from domain.failures import Unavailable

_NOT_READ = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)


class LocalStore:
    """Files below a folder; see `store.Store`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        """The folder."""
        return str(self._folder)

    def entries(self) -> list[Entry]:
        """See `Store`."""
        found = []
        with self._failing():
            for where, folders, names in os.walk(self._folder, onerror=_refuse):
                if Path(where) == self._folder:
                    folders[:] = [name for name in folders if name not in RESERVED]
                folders.sort()
                for name in sorted(names):
                    path = Path(where, name)
                    if name.startswith(".") or not path.is_file():
                        continue
                    state = path.stat()
                    relative = path.relative_to(self._folder).as_posix()
                    found.append(Entry(relative, state.st_size, str(state.st_mtime_ns)))
        return found

    def fetch(self, files: Mapping[str, Path]) -> set[str]:
        """See `Store`."""
        absent = set()
        with self._failing():
            for path, to in files.items():
                try:
                    shutil.copyfile(self._folder / path, to)
                except _NOT_READ:
                    absent.add(path)
        return absent

    def write(self, files: Mapping[str, bytes]) -> None:
        """See `Store`."""
        with self._failing():
            for path, content in files.items():
                target = self._folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                draft = target.with_name(f".{target.name}.part")
                draft.write_bytes(content)
                draft.replace(target)

    def move(self, path: str, to: str) -> None:
        """See `Store`."""
        with self._failing():
            source, target = self._folder / path, self._folder / to
            number = 1
            while source.exists() and target.exists():
                number += 1
                target = self._folder / f"{to}~{number}"
            if source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                source.rename(target)

    def close(self) -> None:
        """Nothing is open."""

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            said = error.strerror or error
            raise Unavailable(f"the inbox {self.name}: {error.filename or ''}: {said}") from error


def _refuse(error: OSError) -> None:
    raise error
