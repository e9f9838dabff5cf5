"""Where settings come from: the one place that reads the environment.

Settings come from environment variables (`CATALOG_…`, nested with `__`) and from a file
`catalog.toml` (in the working directory, or named by CATALOG_CONFIG); the environment wins.
Secrets come from the environment or from a file that it names (`CATALOG_MASTER__URL_FILE`),
never from `catalog.toml`, and no text of this module ever shows one. What can
be set is in `setting_groups`, and in docs/reference/settings.md.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import platformdirs
from pydantic import BaseModel, Field, ValidationError
from pydantic import field_validator as validates
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings.exceptions import SettingsError as UnparsedSetting

from adapters.composition.setting_groups import (
    ConnectSettings,
    EmbeddedSettings,
    Folder,
    InboxSettings,
    KafkaSettings,
    MasterSettings,
    MetricsSettings,
    ReadDatabaseSettings,
    RegistrySettings,
    SourceSettings,
    TracingSettings,
    TranslateSettings,
)
from domain.events import set_topic_prefix
from domain.failures import Misconfigured
from domain.territories import ask as ask_territory

PREFIX = "CATALOG_"
CONFIG = "CATALOG_CONFIG"
DEFAULT_FILE = Path("catalog.toml")
_APPLICATION = "catalog-projections"


class Settings(BaseSettings):
    """Everything that can be set. Make it with `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    data: Folder = Field(default_factory=lambda: platformdirs.user_data_path(_APPLICATION))
    cache: Folder = Field(default_factory=lambda: platformdirs.user_cache_path(_APPLICATION))
    kafka: KafkaSettings = KafkaSettings()
    registry: RegistrySettings = RegistrySettings()
    connect: ConnectSettings = ConnectSettings()
    translate: TranslateSettings = TranslateSettings()
    master: MasterSettings = MasterSettings()
    read: ReadDatabaseSettings = ReadDatabaseSettings()
    metrics: MetricsSettings = MetricsSettings()
    tracing: TracingSettings = TracingSettings()
    inbox: InboxSettings = InboxSettings()
    source: SourceSettings = SourceSettings()
    embedded: EmbeddedSettings = EmbeddedSettings()
    zones: dict[str, str] = {}

    @validates("zones")
    @classmethod
    def _known_zones(cls, zones: dict[str, str]) -> dict[str, str]:
        """Zones of IANA for territories of ISO 3166; variables come in lower case."""
        for territory, zone in zones.items():
            ask_territory(territory.upper())
            if zone not in available_timezones():
                raise ValueError(f"{zone!r} is no time zone of IANA")
        return {territory.upper(): zone for territory, zone in zones.items()}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        environment = EnvSettingsSource(settings_cls)
        environment.env_vars = _variables()
        file = TomlConfigSettingsSource(settings_cls, toml_file=config_file())
        return init_settings, environment, file


def load_settings(**given: Any) -> Settings:
    """Read the settings; `given` (from a command line or a test) wins over all sources.

    Raises Misconfigured for a value that doesn't fit, an unknown setting, an unreadable file.
    """
    table = _read_table(config_file())
    _refuse_unknown_variables()
    _refuse_secrets(table)
    try:
        settings = Settings(**given)
    except UnparsedSetting as error:
        raise Misconfigured(
            f"{error}: give a table as JSON, or each of its settings as {PREFIX}TABLE__NAME"
        ) from None
    except ValidationError as error:
        problems = [
            f"{_name(problem['loc'])} ({_source(problem['loc'], given, table)}): {_cause(problem)}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise Misconfigured(
            "; ".join(problems) + "; docs/reference/settings.md lists what can be set"
        ) from None
    set_topic_prefix(settings.kafka.prefix)
    return settings


def secrets_of(settings: Settings) -> set[str]:
    """Every secret that the settings hold, to be kept out of the log."""
    found = [value.get_secret_value() for value in settings.kafka.options.values()]
    for database in (settings.master, settings.read):
        if database.url is not None:
            found.append(database.url.get_secret_value())
    found += [
        address.get_secret_value()
        for addresses in (settings.source.address, settings.source.capture)
        for address in addresses.values()
    ]
    for secret in (
        settings.registry.password,
        settings.connect.password,
        settings.inbox.secret,
        settings.inbox.password,
    ):
        if secret is not None:
            found.append(secret.get_secret_value())
    words = {"true", "false", "plain", "sasl_ssl", "sasl_plaintext", "scram-sha-512"}
    return {one for one in found if one.lower() not in words}


def config_file() -> Path:
    """The settings file in force; it needn't be there unless CATALOG_CONFIG names it."""
    return Path(os.environ.get(CONFIG) or DEFAULT_FILE)


def _read_table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if os.environ.get(CONFIG):
            raise Misconfigured(f"{file} ({CONFIG}) isn't there") from None
        return {}
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{file} can't be read: {error}") from None


def _variables() -> Mapping[str, str | None]:
    """Our environment variables in lower case, those that name a secret's file replaced by it.

    An empty one is as good as none: `CATALOG_DATA=` must not mean the working directory.
    """
    found = {k.lower(): v for k, v in os.environ.items() if v and k.upper().startswith(PREFIX)}
    for name in [name for name in found if name.endswith("_file") and _is_secret(name)]:
        file = found.pop(name)
        plain = name.removesuffix("_file")
        if found.get(plain):
            raise Misconfigured(f"{plain.upper()} and {name.upper()} are both set: leave one out")
        try:
            found[plain] = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise Misconfigured(f"{name.upper()}: {file} can't be read: {error}") from None
    return found


def _is_secret(name: str) -> bool:
    """Whether a setting (dotted, or as a variable) holds a secret."""
    last = name.lower().removesuffix("_file").replace("_", ".").rsplit(".", 1)[-1]
    parents = name.lower().replace("__", ".")
    if parents.removeprefix(PREFIX.lower()).startswith(("source.address.", "source.capture.")):
        return True
    return last in ("password", "secret", "pem") or parents.removesuffix("_file").endswith(
        ("master.url", "read.url")
    )


def _refuse_unknown_variables() -> None:
    known = [PREFIX + name.upper() for name in Settings.model_fields] + [CONFIG]
    for name in os.environ:
        first = name.upper().split("__")[0]
        if first.startswith(PREFIX) and first not in known:
            hint = _suggestion(name) or "docs/reference/settings.md lists what can be set"
            raise Misconfigured(f"unknown setting {name} (environment): {hint}")


def _suggestion(variable: str) -> str:
    """The variable that was meant, as a question; empty where none is near."""
    near = get_close_matches(variable.upper().removeprefix(PREFIX), _names(), 1)
    return f"did you mean {PREFIX}{near[0]}?" if near else ""


def _names() -> list[str]:
    """What can stand behind the prefix in an environment variable."""
    found = [CONFIG.removeprefix(PREFIX)]
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            found += [
                f"{name}__{of.alias or part}".upper() for part, of in group.model_fields.items()
            ]
        else:
            found.append(name.upper())
    return found


def _refuse_secrets(table: Mapping[str, Any]) -> None:
    for path, value in _leaves(table):
        name = ".".join(path)
        is_open = isinstance(value, str) and name.endswith("url") and not urlsplit(value).password
        if _is_secret(name) and not is_open:
            variable = PREFIX + "__".join(path).replace(".", "_").upper()
            raise Misconfigured(
                f"{name} ({config_file()}) is a secret, which doesn't belong in a file that gets"
                f" shared: set {variable}, or {variable}_FILE to the name of a file that holds it"
            )


def _leaves(
    table: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _name(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location))


def _source(
    location: tuple[int | str, ...], given: Mapping[str, Any], table: Mapping[str, Any]
) -> str:
    if location and location[0] in given:
        return "given to this command"
    variable = PREFIX + "__".join(map(str, location)).upper()
    for name in (variable, f"{variable}_FILE", PREFIX + str(location[0]).upper()):
        if any(name == key.upper() for key in os.environ):
            return f"environment variable {name}"
    return str(config_file()) if str(location[0]) in table else "default"


def _cause(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "extra_forbidden":
        hint = _suggestion(PREFIX + "__".join(map(str, problem["loc"])))
        return f"there is no such setting{hint and f': {hint}'}"
    return str(problem["msg"]).removeprefix("Value error, ")
