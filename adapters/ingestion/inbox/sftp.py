"""An inbox on an SFTP server."""

import asyncio
import posixpath
import stat
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from adapters.ingestion.inbox.store import AT_ONCE, RESERVED, Entry
from domain.failures import Unavailable

T = TypeVar("T")
_TIMEOUT_SECONDS = 30.0
_NOT_READ = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPPermissionDenied)


@dataclass(frozen=True)
class SftpAccess:
    """How to sign in. The server must be one that `known_hosts` names."""

    host: str
    port: int = 22
    user: str | None = None
    password: str | None = None
    key_file: Path | None = None
    known_hosts: Path | None = None
    """Instead of the user's own ~/.ssh/known_hosts."""


class SftpStore:
    """Files below a folder of an SFTP server; see `store.Store`. One thread at a time."""

    def __init__(self, access: SftpAccess, folder: str) -> None:
        user = f"{access.user}@" if access.user else ""
        self.name = f"sftp://{user}{access.host}:{access.port}{folder}"
        """See `Store`."""
        self._access = access
        self._folder = folder
        self._runner: asyncio.Runner | None = None
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    def entries(self) -> list[Entry]:
        """See `Store`."""
        return self._run(self._entries)

    def fetch(self, files: Mapping[str, Path]) -> set[str]:
        """See `Store`."""

        async def one(sftp: asyncssh.SFTPClient, file: tuple[str, Path]) -> str | None:
            path, to = file
            try:
                await sftp.get(self._at(path), str(to))
            except _NOT_READ:
                return path
            return None

        absent = self._run(lambda sftp: _each(sftp, one, files.items()))
        return {path for path in absent if path is not None}

    def write(self, files: Mapping[str, bytes]) -> None:
        """See `Store`."""

        async def one(sftp: asyncssh.SFTPClient, file: tuple[str, bytes]) -> None:
            target = self._at(file[0])
            folder, name = posixpath.split(target)
            draft = posixpath.join(folder, f".{name}.part")
            async with sftp.open(draft, "wb") as stream:
                await stream.write(file[1])
            await _rename(sftp, draft, target, replace=True)

        async def all_of_them(sftp: asyncssh.SFTPClient) -> None:
            for folder in sorted({posixpath.dirname(self._at(path)) for path in files}):
                await sftp.makedirs(folder, exist_ok=True)
            await _each(sftp, one, files.items())

        self._run(all_of_them)

    def move(self, path: str, to: str) -> None:
        """See `Store`."""

        async def it(sftp: asyncssh.SFTPClient) -> None:
            if not await sftp.exists(self._at(path)):
                return
            await sftp.makedirs(posixpath.dirname(self._at(to)), exist_ok=True)
            target, number = self._at(to), 1
            while await sftp.exists(target):
                number += 1
                target = f"{self._at(to)}~{number}"
            await _rename(sftp, self._at(path), target, replace=False)

        self._run(it)

    def close(self) -> None:
        """See `Store`."""
        if self._connection is not None:
            self._connection.abort()
        self._connection = self._client = None
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def _at(self, path: str) -> str:
        return posixpath.join(self._folder, path)

    async def _entries(self, sftp: asyncssh.SFTPClient) -> list[Entry]:
        found: list[Entry] = []
        folders = [""]
        while folders:
            inside = await _each(sftp, self._scan, folders)
            folders = [folder for below, _ in inside for folder in below]
            found += [entry for _, entries in inside for entry in entries]
        return sorted(found, key=lambda entry: entry.path)

    async def _scan(self, sftp: asyncssh.SFTPClient, folder: str) -> tuple[list[str], list[Entry]]:
        """Folders and files of a folder; none of one that has just gone."""
        folders, files = [], []
        with suppress(*([asyncssh.SFTPNoSuchFile] if folder else [])):
            async for one in sftp.scandir(self._at(folder)):
                name = one.filename if isinstance(one.filename, str) else one.filename.decode()
                path = posixpath.join(folder, name)
                if name.startswith(".") or path in RESERVED:
                    continue
                attributes = one.attrs
                mode = attributes.permissions or 0
                if stat.S_ISDIR(mode) or attributes.type == asyncssh.FILEXFER_TYPE_DIRECTORY:
                    folders.append(path)
                elif stat.S_ISREG(mode) or attributes.type == asyncssh.FILEXFER_TYPE_REGULAR:
                    files.append(Entry(path, attributes.size or 0, str(attributes.mtime)))
        return folders, files

    def _run(self, work: Callable[[asyncssh.SFTPClient], Awaitable[T]]) -> T:
        if self._runner is None:
            self._runner = asyncio.Runner()
        try:
            return self._runner.run(self._connected(work))
        except (OSError, asyncssh.Error, TimeoutError) as error:
            self.close()
            said = str(error) or type(error).__name__
            raise Unavailable(f"the inbox {self.name}: {said}") from error

    async def _connected(self, work: Callable[[asyncssh.SFTPClient], Awaitable[T]]) -> T:
        if self._client is None:
            access = self._access
            known = () if access.known_hosts is None else str(access.known_hosts)
            options: dict[str, Any] = {"known_hosts": known, "config": None}
            if access.password is not None:
                options["password"] = access.password
            if access.key_file is not None:
                options["client_keys"] = [str(access.key_file)]
            elif access.password is not None:
                options["client_keys"] = None
            if access.user is not None:
                options["username"] = access.user
            self._connection = await asyncssh.connect(
                access.host,
                access.port,
                connect_timeout=_TIMEOUT_SECONDS,
                login_timeout=_TIMEOUT_SECONDS,
                keepalive_interval=_TIMEOUT_SECONDS,
                **options,
            )
            self._client = await self._connection.start_sftp_client()
        return await work(self._client)


async def _each(
    sftp: asyncssh.SFTPClient,
    work: Callable[[asyncssh.SFTPClient, Any], Awaitable[T]],
    items: Iterable[Any],
) -> list[T]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(item: Any) -> T:
        async with gate:
            return await work(sftp, item)

    return list(await asyncio.gather(*(one(item) for item in items)))


async def _rename(sftp: asyncssh.SFTPClient, path: str, to: str, *, replace: bool) -> None:
    """As POSIX does it, in one step; servers without that extension can't replace."""
    try:
        await sftp.posix_rename(path, to)
    except asyncssh.SFTPOpUnsupported:
        if replace and await sftp.exists(to):
            await sftp.remove(to)
        await sftp.rename(path, to)
