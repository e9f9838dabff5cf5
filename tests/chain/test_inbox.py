"""Batches by SFTP and to S3, real servers, and an inbox that is killed again and again meanwhile:
each message is taken in once and answered once, and nothing is left behind."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep

import boto3
import psycopg
import pytest
from lxml import etree

from migrations import run
from tests.adapters.ingestion.deliveries import write_batch
from tests.adapters.ingestion.inbox.servers import Bucket, SftpServer, s3_server, sftp_server
from tests.adapters.ingestion.messages import album
from tests.chain.conftest import Note
from tests.chain.size import Size

pytestmark = pytest.mark.integration

BATCH = "20260101120000123"
TRACKS = 2
ENTRY = "import sys; from adapters.cli.main import main; sys.exit(main())"


@pytest.fixture(params=["sftp", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SftpServer | Bucket]:
    """An empty inbox on a real server."""
    with ExitStack() as stack:
        if request.param == "sftp":
            yield stack.enter_context(sftp_server(tmp_path / "sftp"))
            return
        bucket = Bucket(stack.enter_context(s3_server()), f"inbox-{secrets.token_hex(4)}")
        boto3.client(
            "s3", endpoint_url=bucket.endpoint, region_name="us-east-1", aws_access_key_id="key",
            aws_secret_access_key="secret",
        ).create_bucket(Bucket=bucket.name)  # fmt: skip
        yield bucket


def barcode(number: int) -> str:
    """A UPC with its check digit."""
    digits = f"299{number:08d}"
    total = sum(int(d) * (3 if place % 2 == 0 else 1) for place, d in enumerate(digits))
    return f"{digits}{-total % 10}"


def message(number: int) -> tuple[str, bytes]:
    """Release id and message of one album."""
    isrcs = tuple(f"GBLF926{number * TRACKS + track:05d}" for track in range(1, TRACKS + 1))
    return barcode(number), album(upc=barcode(number), isrcs=isrcs, title=f"Album {number}")


class Watcher:
    """An inbox process, started again after each kill."""

    def __init__(self, place: SftpServer | Bucket, dsn: str, data: Path) -> None:
        self._command = [sys.executable, "-c", ENTRY, "inbox", place.where]
        self._log = data / "inbox.log"
        self._environment = {
            **os.environ,
            **place.environment,
            "CATALOG_MASTER__URL": dsn,
            "CATALOG_DATA": str(data),
            "CATALOG_INBOX__INTERVAL": "0.2",
            "CATALOG_INBOX__SETTLE": "0",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=self._environment, stderr=log)

    def kill(self) -> None:
        """As a power cut would."""
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        self._process.kill()
        self._process.wait()

    def until(self, is_so: Callable[[], bool], seconds: float) -> None:
        """Wait for something while the process runs."""
        assert self._process is not None
        end = monotonic() + seconds
        while not is_so():
            assert self._process.poll() is None, self._log.read_text()
            assert monotonic() < end, self._log.read_text()
            sleep(0.005)


def test_killed_inboxes_take_each_message_in_once_and_answer_once(
    place: SftpServer | Bucket, database: str, tmp_path: Path, size: Size, note: Note
) -> None:
    run.upgrade(database, "master", "public")
    messages = dict(message(number) for number in range(1, size.delivered + 1))
    place.put(write_batch(tmp_path / BATCH, messages))
    connection = psycopg.connect(database, autocommit=True)

    def count(condition: str) -> int:
        row = connection.execute(f"SELECT count(*) FROM inbox_message WHERE {condition}").fetchone()
        return row[0] if row else 0

    def is_done() -> bool:
        found = connection.execute("SELECT status FROM inbox_batch").fetchall()
        return found == [("done",)]

    watcher = Watcher(place, database, tmp_path)
    began = monotonic()
    kills = size.inbox_kills
    for kill in range(1, kills + 1):
        watcher.start()
        if kill < kills:
            wanted = size.delivered * kill // kills
            watcher.until(lambda: count("taken_at IS NOT NULL") >= wanted, 600)  # noqa: B023
        else:
            watcher.until(lambda: count("acknowledged_at IS NOT NULL") > 0, 600)
        watcher.kill()
    watcher.start()
    watcher.until(is_done, 600)
    seconds = monotonic() - began
    watcher.kill()

    assert count("status = 'applied'") == size.delivered  # one taken in before would be `known`
    assert connection.execute("SELECT count(*) FROM ern_message").fetchone() == (size.delivered,)
    tracks = size.delivered * TRACKS
    assert connection.execute("SELECT count(*) FROM track").fetchone() == (tracks,)
    connection.close()
    files = place.files()
    answers = {path: content for path, content in files.items() if path.startswith("ack")}
    assert set(answers) == {f"acknowledgements/ACK_{BATCH}_{upc}.xml" for upc in messages}
    told = {etree.fromstring(content).findtext(".//Status") for content in answers.values()}
    assert told == {"FileOK"}
    kept = {path for path in files if path.startswith(f"done/{BATCH}/")}
    assert len(kept) == size.delivered + 1
    assert len(files) == len(answers) + len(kept)
    kind = "SFTP" if isinstance(place, SftpServer) else "S3"
    note(f"messages by {kind}, {kills} kills", size.delivered)
    note(f"messages/s by {kind}, with all restarts", round(size.delivered / seconds, 1))
    note(f"tracks/s by {kind}, with all restarts", round(tracks / seconds, 1))
