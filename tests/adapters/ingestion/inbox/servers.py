"""Real servers for inboxes, of the test's own: one that speaks S3, one that speaks SFTP."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import obstore
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

PASSWORD = "not-so-secret"
USER = "label"


@dataclass(frozen=True)
class Bucket:
    """A bucket that senders write into."""

    endpoint: str
    name: str

    @property
    def where(self) -> str:
        """The inbox's address."""
        return f"s3://{self.name}/in"

    @property
    def environment(self) -> dict[str, str]:
        """How to reach it."""
        return {
            "CATALOG_INBOX__ENDPOINT": self.endpoint,
            "CATALOG_INBOX__ACCESS_KEY": "key",
            "CATALOG_INBOX__SECRET": PASSWORD,
        }

    def put(self, folder: Path) -> None:
        """Put a folder into the inbox, what completes it last."""
        for path in in_order(folder):
            obstore.put(self._store, f"in/{folder.name}/{path.relative_to(folder)}", path)

    def files(self) -> dict[str, bytes]:
        """Everything in the inbox."""
        found = [meta["path"] for some in obstore.list(self._store, "in/") for meta in some]
        return {
            path.removeprefix("in/"): bytes(obstore.get(self._store, path).bytes())
            for path in found
        }

    @property
    def _store(self) -> S3Store:
        return S3Store(
            self.name,
            config={
                "endpoint": self.endpoint,
                "access_key_id": "key",
                "secret_access_key": PASSWORD,
                "region": "us-east-1",
            },
            client_options={"allow_http": True},
        )


def in_order(folder: Path) -> list[Path]:
    """Files of a batch as senders upload them: what completes it comes last."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return sorted(files, key=lambda path: path.name.startswith("BatchComplete_"))


@contextmanager
def s3_server() -> Iterator[str]:
    """Moto's server; its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@dataclass(frozen=True)
class SftpServer:
    """A server whose root is a folder of ours."""

    port: int
    root: Path
    known_hosts: Path

    @property
    def where(self) -> str:
        """The inbox's address."""
        return f"sftp://{USER}@127.0.0.1:{self.port}/in"

    @property
    def environment(self) -> dict[str, str]:
        """How to sign in."""
        return {
            "CATALOG_INBOX__PASSWORD": PASSWORD,
            "CATALOG_INBOX__KNOWN_HOSTS": str(self.known_hosts),
        }

    def put(self, folder: Path) -> None:
        """Upload a folder by SFTP, what completes it last."""

        async def upload() -> None:
            async with (
                asyncssh.connect(
                    "127.0.0.1", self.port, username=USER, password=PASSWORD,
                    known_hosts=str(self.known_hosts), config=None, client_keys=None,
                ) as connection,
                connection.start_sftp_client() as sftp,
            ):  # fmt: skip
                for path in in_order(folder):
                    target = f"/in/{folder.name}/{path.relative_to(folder)}"
                    await sftp.makedirs(target.rpartition("/")[0], exist_ok=True)
                    await sftp.put(str(path), target)

        asyncio.run(upload())

    def files(self) -> dict[str, bytes]:
        """Everything in the inbox."""
        top = self.root / "in"
        return {
            str(path.relative_to(top)): path.read_bytes()
            for path in top.rglob("*")
            if path.is_file()
        }


class _Password(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


@contextmanager
def sftp_server(folder: Path) -> Iterator[SftpServer]:
    """Asyncssh's server, in a thread; its files are in a folder below `folder`."""
    root = folder / "root"
    (root / "in").mkdir(parents=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            _Password,
            "127.0.0.1",
            0,
            server_host_keys=[key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(root).encode()),
        )

    server = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, name="sftp", daemon=True)
    thread.start()
    port = server.get_port()
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{port} {key.export_public_key().decode()}")

    async def end() -> None:
        server.close()
        await server.wait_closed()

    try:
        yield SftpServer(port, root, known_hosts)
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()
