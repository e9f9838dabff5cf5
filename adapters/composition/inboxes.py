"""Inboxes as the settings name them: each place is opened here."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event
from urllib.parse import unquote, urlsplit

import psycopg

from adapters.composition.databases import master_connection
from adapters.composition.endpoints import Endpoints
from adapters.composition.setting_groups import InboxSettings
from adapters.composition.settings import Settings
from adapters.ingestion.inbox.local import LocalStore
from adapters.ingestion.inbox.s3 import BucketStore, S3Access
from adapters.ingestion.inbox.sftp import SftpAccess, SftpStore
from adapters.ingestion.inbox.store import Store
from adapters.ingestion.inbox.watch import Tally, Watching, watch
from domain.failures import Misconfigured, WrongUsage


def watch_inboxes(
    settings: Settings, endpoints: Endpoints, where: Sequence[str], stop: Event, *, once: bool
) -> Tally:
    """Take in what comes into inboxes, until `stop` is set or (`once`) nothing is left.

    `where` is used in place of `inbox.where`, unless it is empty. Raises WrongUsage where neither
    names any, Misconfigured for a place that can't be meant, Unavailable (`once`), Failure.
    """
    own = settings.inbox
    places = list(where) or own.where
    if not places:
        raise WrongUsage("name an inbox: a folder, s3://bucket/prefix or sftp://user@host/folder")
    watching = Watching(
        interval=own.interval,
        settle=own.settle,
        quiet=own.quiet,
        keeps=own.after == "keep",
        ourselves=own.dpid,
    )

    def connect() -> AbstractContextManager[psycopg.Connection]:
        return master_connection(endpoints.master_dsn, "inbox")

    stores = [open_store(place, own) for place in places]
    return watch(stores, connect, watching, stop, once=once)


def open_store(where: str, settings: InboxSettings) -> Store:
    """The place of an inbox; nothing is connected yet. Raises Misconfigured."""
    parts = urlsplit(where)
    if parts.scheme == "s3":
        return _bucket(where, settings)
    if parts.scheme == "sftp":
        return _sftp(where, settings)
    if "://" in where:
        raise Misconfigured(f"an inbox is a folder, s3://… or sftp://…, not {parts.scheme}://")
    return LocalStore(Path(where).expanduser().absolute())


def _bucket(where: str, settings: InboxSettings) -> Store:
    parts = urlsplit(where)
    if not parts.netloc:
        raise Misconfigured(f"{where} names no bucket")
    if (settings.access_key is None) != (settings.secret is None):
        raise Misconfigured("inbox.access_key and inbox.secret belong together: set both or none")
    access = S3Access(
        endpoint=settings.endpoint,
        region=settings.region,
        access_key=settings.access_key,
        secret=None if settings.secret is None else settings.secret.get_secret_value(),
    )
    return BucketStore(parts.netloc, parts.path.strip("/"), access)


def _sftp(where: str, settings: InboxSettings) -> Store:
    try:
        parts = urlsplit(where)
        host, port = parts.hostname, parts.port or 22
    except ValueError as error:
        raise Misconfigured(f"an inbox's address can't be read: {error}") from None
    if not host:
        raise Misconfigured("an inbox at sftp:// names no host")
    if parts.password is not None:
        raise Misconfigured("an inbox's address must hold no password: set CATALOG_INBOX__PASSWORD")
    access = SftpAccess(
        host=host,
        port=port,
        user=None if parts.username is None else unquote(parts.username),
        password=None if settings.password is None else settings.password.get_secret_value(),
        key_file=settings.key_file,
        known_hosts=settings.known_hosts,
    )
    return SftpStore(access, unquote(parts.path) or "/")
