"""Inboxes of each kind, filled as senders fill them."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

import boto3
import pytest

from adapters.composition.inboxes import open_store
from adapters.composition.setting_groups import InboxSettings
from adapters.composition.settings import load_settings
from adapters.ingestion.inbox.watch import Tally, Watching, watch
from tests.adapters.ingestion.inbox.servers import Bucket, in_order, s3_server, sftp_server
from tests.adapters.ingestion.master import Master
from tests.connections import opening


class Place(Protocol):
    """Where senders put batches."""

    @property
    def where(self) -> str:
        """Its address."""

    @property
    def environment(self) -> dict[str, str]:
        """How the inbox reaches it."""

    def put(self, folder: Path) -> None:
        """Deliver a batch."""

    def files(self) -> dict[str, bytes]:
        """Everything in it."""


@dataclass(frozen=True)
class Folder:
    """A folder of this machine."""

    path: Path

    @property
    def where(self) -> str:
        """Its path."""
        return str(self.path)

    @property
    def environment(self) -> dict[str, str]:
        """Nothing is needed."""
        return {}

    def put(self, folder: Path) -> None:
        """Copy a batch into it."""
        for path in in_order(folder):
            target = self.path / folder.name / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())

    def files(self) -> dict[str, bytes]:
        """All in it."""
        return {
            str(path.relative_to(self.path)): path.read_bytes()
            for path in self.path.rglob("*")
            if path.is_file()
        }


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Address of a server that speaks S3."""
    with s3_server() as address:
        yield address


@pytest.fixture
def open_place(s3: str, tmp_path: Path) -> Iterator[Callable[[str], Place]]:
    """Opens an empty inbox of a kind: folder, s3 or sftp."""
    with ExitStack() as stack:

        def opened(kind: str) -> Place:
            if kind == "folder":
                (tmp_path / "inbox").mkdir()
                return Folder(tmp_path / "inbox")
            if kind == "sftp":
                return stack.enter_context(sftp_server(tmp_path / "sftp"))
            bucket = Bucket(s3, f"inbox-{secrets.token_hex(4)}")
            boto3.client(
                "s3", endpoint_url=s3, region_name="us-east-1", aws_access_key_id="key",
                aws_secret_access_key="secret",
            ).create_bucket(Bucket=bucket.name)  # fmt: skip
            return bucket

        yield opened


@pytest.fixture(params=["folder", "s3", "sftp"])
def place(request: pytest.FixtureRequest, open_place: Callable[[str], Place]) -> Place:
    """An empty inbox of each kind."""
    return open_place(request.param)


Look = Callable[..., Tally]


def settings_of(place: Place, monkeypatch: pytest.MonkeyPatch) -> InboxSettings:
    """What a user sets to reach the place."""
    with monkeypatch.context() as environment:
        for name, value in place.environment.items():
            environment.setenv(name, value)
        return load_settings().inbox


@pytest.fixture
def look(master: Master, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Looks into an inbox until nothing is left to take in."""

    def once(place: Place, watching: Watching | None = None) -> Tally:
        store = open_store(place.where, settings_of(place, monkeypatch))
        wanted = watching or Watching(settle=0)
        return watch([store], opening(master.dsn), wanted, Event(), once=True)

    return once


@pytest.fixture
def master(database: str) -> Master:
    """An empty, migrated master catalog."""
    from migrations import run

    run.upgrade(database, "master", "public")
    return Master(database)


Batch = Mapping[str, bytes]
