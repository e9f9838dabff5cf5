"""Where a schema registry is. Apart from its client, whose library takes its time to load."""

from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class RegistryEndpoint:
    """A Confluent-compatible schema registry, with basic authentication where it has a user."""

    url: str
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"RegistryEndpoint(url={self.url!r}, user={self.user!r})"
