"""An inbox in a bucket of S3 or of any store that speaks as S3 does."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import obstore
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError
from obstore.store import S3Store

from adapters.ingestion.inbox.store import AT_ONCE, RESERVED, Entry
from domain.failures import Unavailable

if TYPE_CHECKING:
    from obstore.store import S3Config

T = TypeVar("T")
_ABSENT = (NotFoundError, FileNotFoundError)


@dataclass(frozen=True)
class S3Access:
    """How to reach a bucket; what is None the AWS environment tells (role, profile, region)."""

    endpoint: str | None = None
    region: str | None = None
    access_key: str | None = None
    secret: str | None = None


class BucketStore:
    """Objects below a prefix; see `store.Store`. A move is a copy and a deletion of each one."""

    def __init__(self, bucket: str, prefix: str, access: S3Access) -> None:
        self.name = f"s3://{bucket}/{prefix}".rstrip("/")
        """See `Store`."""
        config: S3Config = {"region": access.region or "us-east-1"}
        if access.endpoint is not None:
            config["endpoint"] = access.endpoint
        if access.access_key is not None:
            config["access_key_id"] = access.access_key
        if access.secret is not None:
            config["secret_access_key"] = access.secret
        self._store = S3Store(
            bucket,
            prefix=prefix.strip("/") or None,
            config=config,
            client_options={"allow_http": True, "timeout": timedelta(minutes=5)},
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=20)},
        )

    def entries(self) -> list[Entry]:
        """See `Store`."""
        with self._failing():
            top = obstore.list_with_delimiter(self._store)
            found = list(top["objects"])
            for prefix in top["common_prefixes"]:
                if prefix.strip("/") not in RESERVED:
                    for some in obstore.list(self._store, f"{prefix.rstrip('/')}/"):
                        found.extend(some)
        return [
            Entry(meta["path"], meta["size"], meta["e_tag"] or meta["last_modified"].isoformat())
            for meta in sorted(found, key=lambda meta: meta["path"])
            if not meta["path"].rpartition("/")[2].startswith(".") and not _is_folder(meta["path"])
        ]

    def fetch(self, files: Mapping[str, Path]) -> set[str]:
        """See `Store`."""

        def one(file: tuple[str, Path]) -> str | None:
            path, to = file
            try:
                result = obstore.get(self._store, path)
            except (*_ABSENT, PermissionDeniedError, PermissionError):
                return path
            with to.open("wb") as target:
                for block in result:
                    target.write(block)
            return None

        return {path for path in self._each(one, files.items()) if path is not None}

    def write(self, files: Mapping[str, bytes]) -> None:
        """See `Store`."""
        self._each(lambda file: obstore.put(self._store, file[0], file[1]), files.items())

    def move(self, path: str, to: str) -> None:
        """See `Store`."""

        def one(meta: Any) -> None:
            found: str = meta["path"]
            obstore.copy(self._store, found, to + found[len(path) :])
            obstore.delete(self._store, found)

        with self._failing():
            below = [m for some in obstore.list(self._store, f"{path}/") for m in some]
            with suppress(*_ABSENT):
                below.append(obstore.head(self._store, path))  # a file that came alone
        self._each(one, below)

    def close(self) -> None:
        """Nothing to let go of."""

    def _each(self, work: Callable[[Any], T], items: Iterable[Any]) -> list[T]:
        with self._failing(), ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(work, items))

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            said = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise Unavailable(f"the inbox {self.name}: {said[:300]}") from error


def _is_folder(path: str) -> bool:
    """Consoles make empty objects whose names end in a slash to show a folder."""
    return path.endswith("/")
