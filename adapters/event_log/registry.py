"""A Confluent-compatible schema registry: which schema has which id, and what is registered."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

# the client picks httpx or its successor: what it raises must be caught
from confluent_kafka.schema_registry.common._httpx_compat import httpx
from confluent_kafka.schema_registry.error import SchemaRegistryError

from adapters.event_log.avro.wire import NotRegistered, UnknownSchemaId
from adapters.event_log.registry_endpoint import RegistryEndpoint
from domain.failures import Failure, Misconfigured, Unavailable
from domain.schemas import Contract

COMPATIBILITY = "FULL_TRANSITIVE"


class RegistryFailed(Failure):
    """The registry refused a request."""


class RegistryAway(RegistryFailed, Unavailable):
    """The registry can't be reached, or can't answer now."""


class RegistryClosed(RegistryFailed, Misconfigured):
    """The registry does not let us in."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What the registry holds of a contract."""

    subject: str
    checked_in: int
    """Number of the newest checked-in version."""
    registered: int
    """How many of the checked-in versions are registered."""
    versions: int
    """How many versions the registry holds, ours or not."""
    schema_id: int | None
    """Id of the newest checked-in version."""
    compatibility: str | None
    """The subject's own compatibility level, None where it has none."""

    @property
    def problems(self) -> list[str]:
        """What keeps writers and readers from relying on it, a sentence each with the cure."""
        found = []
        if self.registered < self.checked_in:
            found.append(
                f"{self.subject}: {self.registered} of {self.checked_in} versions registered:"
                " run `catalog schemas register`"
            )
        elif self.versions > self.checked_in:
            found.append(
                f"{self.subject}: the registry holds {self.versions} versions,"
                f" {self.checked_in} are checked in: somebody else registers here, or this"
                " program is older than the registry"
            )
        if self.registered and self.compatibility != COMPATIBILITY:
            found.append(
                f"{self.subject}: compatibility is {self.compatibility or 'not set'},"
                f" not {COMPATIBILITY}: run `catalog schemas register`"
            )
        return found


class Registry:
    """Client of one registry. Implements `wire.SchemaIds` and `wire.SchemaTexts`.

    A context manager: it keeps connections open until it is closed.
    """

    def __init__(self, url: str, user: str | None = None, password: str | None = None) -> None:
        settings: dict[str, object] = {
            "url": url,
            "timeout": 30,
            "max.retries": 3,
            "retries.wait.ms": 200,
            "retries.max.wait.ms": 2000,
        }
        if user:
            settings["basic.auth.user.info"] = f"{user}:{password or ''}"
        self._url = url
        self._client = SchemaRegistryClient(settings)

    @classmethod
    def at(cls, endpoint: RegistryEndpoint) -> Self:
        """The registry of an installation."""
        return cls(endpoint.url, endpoint.user, endpoint.password)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def schema_id(self, subject: str, text: str) -> int:
        """Id of a registered schema.

        Raises:
            NotRegistered: it isn't registered under this subject.
            RegistryFailed: the registry doesn't answer.
        """
        schema_id = self._lookup(subject, text)
        if schema_id is None:
            raise NotRegistered(
                f"{subject} isn't registered in {self._url}: run `catalog schemas register`"
            )
        return schema_id

    def schema_text(self, schema_id: int) -> str:
        """Text of the schema with this id.

        Raises:
            UnknownSchemaId: there is none.
            RegistryFailed: the registry doesn't answer.
        """
        with self._speaking():
            try:
                text = self._client.get_schema(schema_id).schema_str
            except SchemaRegistryError as error:
                if error.http_status_code == 404:
                    raise UnknownSchemaId(f"no schema has id {schema_id} in {self._url}") from None
                raise
        return text or ""

    def register(self, contract: Contract) -> Registration:
        """Register all versions of a contract, oldest first, and hold the subject to them.

        Registering again changes nothing. Raises RegistryFailed, with the registry's reason, when
        it refuses a version.
        """
        for index, version in enumerate(contract.versions):
            with self._speaking(contract.name):
                if self._lookup(contract.name, version.text) is None:
                    self._client.register_schema(contract.name, Schema(version.text, "AVRO"))
                if index == 0 and self._compatibility(contract.name) != COMPATIBILITY:
                    self._client.set_compatibility(contract.name, COMPATIBILITY)
        return self.registration(contract)

    def registration(self, contract: Contract) -> Registration:
        """Return what the registry holds of a contract. Raises RegistryFailed."""
        ids = [self._lookup(contract.name, version.text) for version in contract.versions]
        return Registration(
            subject=contract.name,
            checked_in=len(contract.versions),
            registered=sum(schema_id is not None for schema_id in ids),
            versions=len(self._versions(contract.name)),
            schema_id=ids[-1] if ids else None,
            compatibility=self._compatibility(contract.name),
        )

    def registered_text(self, subject: str, version: int) -> str | None:
        """Text of one registered version, None where there is none. Raises RegistryFailed."""
        with self._speaking(subject), _absent_is_none():
            return self._client.get_version(subject, version).schema.schema_str
        return None

    def _lookup(self, subject: str, text: str) -> int | None:
        with self._speaking(subject), _absent_is_none():
            return self._client.lookup_schema(subject, Schema(text, "AVRO")).schema_id
        return None

    def _versions(self, subject: str) -> list[int]:
        with self._speaking(subject), _absent_is_none():
            return self._client.get_versions(subject)
        return []

    def _compatibility(self, subject: str) -> str | None:
        with self._speaking(subject), _absent_is_none():
            level = self._client.get_config(subject).compatibility_level
            return None if level is None else str(getattr(level, "value", level))
        return None

    @contextmanager
    def _speaking(self, subject: str = "") -> Iterator[None]:
        about = f" about {subject}" if subject else ""
        try:
            yield
        except SchemaRegistryError as error:
            raise _kind(error)(
                f"the schema registry {self._url} answered{about}: {error.error_message}"
                f" (HTTP {error.http_status_code}, code {error.error_code})"
            ) from error
        except httpx.HTTPError as error:
            raise RegistryAway(
                f"the schema registry {self._url} doesn't answer: {error}."
                " Is it running, and is CATALOG_REGISTRY__URL right?"
            ) from error


def _kind(error: SchemaRegistryError) -> type[RegistryFailed]:
    """By the status: 5xx and "too many requests" pass, 401 and 403 don't."""
    match error.http_status_code:
        case 401 | 403:
            return RegistryClosed
        case 408 | 429:
            return RegistryAway
        case status:
            return RegistryAway if status >= 500 else RegistryFailed


@contextmanager
def _absent_is_none() -> Iterator[None]:
    """Let the caller's `return None` stand where the registry says 404."""
    try:
        yield
    except SchemaRegistryError as error:
        if error.http_status_code != 404:
            raise
