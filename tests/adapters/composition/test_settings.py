"""Settings: who wins, what is refused, what is never shown; and where the engines are found."""

import os
from pathlib import Path

import pytest
from pydantic import BaseModel

from adapters.composition.endpoints import resolve_endpoints
from adapters.composition.settings import Settings, load_settings
from adapters.embedded.state import own_data_folder
from domain.failures import Misconfigured

SECRET = "s3cr3t-word"


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No setting of the developer's own reaches a test."""
    for name in os.environ:
        if name.upper().startswith("CATALOG_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_everything_has_a_default() -> None:
    settings = load_settings()
    assert settings.data.is_absolute()
    assert settings.cache != settings.data
    assert settings.kafka.bootstrap is None
    assert settings.kafka.partitions == 4
    assert settings.kafka.group_protocol == "consumer"
    assert (settings.connect.connector, settings.connect.topic_prefix) == ("master", "master")


def test_the_environment_wins_over_the_file(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare / "catalog.toml").write_text('data = "here"\n[kafka]\npartitions = 8\nbootstrap = "a:1"')
    monkeypatch.setenv("CATALOG_KAFKA__PARTITIONS", "16")
    settings = load_settings()
    assert settings.kafka.partitions == 16
    assert settings.kafka.bootstrap == "a:1"
    assert settings.data == bare / "here"


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_settings()
    monkeypatch.setenv("CATALOG_DATA", "")
    monkeypatch.setenv("CATALOG_KAFKA__BOOTSTRAP", "")
    assert load_settings() == before


def test_a_named_file_is_read_and_must_be_there(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATALOG_CONFIG", str(bare / "mine.toml"))
    with pytest.raises(Misconfigured, match=r"mine\.toml"):
        load_settings()
    (bare / "mine.toml").write_text("[kafka]\npartitions = 2")
    assert load_settings().kafka.partitions == 2


def test_a_file_that_is_no_toml_is_named(bare: Path) -> None:
    (bare / "catalog.toml").write_text("kafka = [")
    with pytest.raises(Misconfigured, match=r"catalog\.toml can't be read"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CATALOG_KAFKA__PARTITIONS", "none", "kafka.partitions .*CATALOG_KAFKA__PARTITIONS"),
        ("CATALOG_KAFKA__PARTITIONS", "0", "kafka.partitions .*CATALOG_KAFKA__PARTITIONS"),
        ("CATALOG_KAFKA__GROUP_PROTOCOL", "x", "kafka.group_protocol .*'consumer' or 'classic'"),
        ("CATALOG_KAFKA__BOOTSTRAPS", "a:1", "kafka.bootstraps .*no such setting"),
        ("CATALOG_KAFKA", "a:1", "CATALOG_TABLE__NAME"),
        ("CATALOG_KAKFA__BOOTSTRAP", "a:1", r"did you mean CATALOG_KAFKA__BOOTSTRAP\?"),
        ("CATALOG_REED__URL", "x", r"CATALOG_REED__URL.*did you mean CATALOG_READ__URL\?"),
        ("CATALOG_READ__URI", "x", r"read.uri .*did you mean CATALOG_READ__URL\?"),
        ("CATALOG_DATTA", "x", r"did you mean CATALOG_DATA\?"),
        (
            "CATALOG_NOTHING",
            "x",
            "CATALOG_NOTHING .*docs/reference/settings.md lists what can be set",
        ),
        ("CATALOG_REGISTRY__URL", "localhost:8080", "registry.url .*must look like"),
        ("CATALOG_MASTER__URL", f"mysql://u:{SECRET}@h/d", "master.url .*postgresql://"),
        ("CATALOG_EMBEDDED__KAFKA_PORT", "99999", "embedded.kafka_port"),
    ],
)
def test_a_wrong_setting_is_named_with_its_source(
    name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured, match=told) as caught:
        load_settings()
    assert caught.value.exit_code == 2
    assert SECRET not in str(caught.value)


def test_an_unknown_setting_of_the_file_is_named_with_the_file(bare: Path) -> None:
    (bare / "catalog.toml").write_text("[kafka]\nbootstraps = 'a:1'")
    with pytest.raises(Misconfigured, match=r"kafka.bootstraps \(catalog.toml\)"):
        load_settings()


def test_a_secret_comes_from_a_file_that_the_environment_names(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare / "url").write_text(f"postgresql://u:{SECRET}@h/d\n")
    monkeypatch.setenv("CATALOG_MASTER__URL_FILE", str(bare / "url"))
    monkeypatch.setenv("CATALOG_KAFKA__OPTIONS__SASL_PASSWORD_FILE", str(bare / "url"))
    settings = load_settings()
    assert settings.master.url is not None
    assert settings.master.url.get_secret_value() == f"postgresql://u:{SECRET}@h/d"
    assert "sasl.password" in settings.kafka.options
    assert SECRET not in repr(settings)


def test_a_secret_given_twice_or_in_an_unreadable_file_is_refused(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATALOG_REGISTRY__PASSWORD_FILE", str(bare / "absent"))
    with pytest.raises(Misconfigured, match=r"CATALOG_REGISTRY__PASSWORD_FILE: .*absent"):
        load_settings()
    monkeypatch.setenv("CATALOG_REGISTRY__PASSWORD", SECRET)
    with pytest.raises(Misconfigured, match="both set") as caught:
        load_settings()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        (f"[registry]\npassword = '{SECRET}'", "CATALOG_REGISTRY__PASSWORD"),
        (f"[read]\nurl = 'postgresql://u:{SECRET}@h/d'", "CATALOG_READ__URL"),
        (
            f"[kafka.options]\n'sasl.password' = '{SECRET}'",
            "CATALOG_KAFKA__OPTIONS__SASL_PASSWORD",
        ),
    ],
)
def test_a_secret_in_the_settings_file_is_refused(bare: Path, text: str, variable: str) -> None:
    (bare / "catalog.toml").write_text(text)
    with pytest.raises(Misconfigured, match=variable) as caught:
        load_settings()
    assert SECRET not in str(caught.value)


def test_an_address_without_a_password_may_stand_in_the_file(bare: Path) -> None:
    (bare / "catalog.toml").write_text("[read]\nurl = 'postgresql://u@h/d'")
    assert load_settings().read.url is not None


def test_kafka_options_are_written_with_underscores_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CATALOG_KAFKA__BOOTSTRAP", "a:1")
    monkeypatch.setenv("CATALOG_KAFKA__OPTIONS__SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("CATALOG_KAFKA__OPTIONS__SASL_PASSWORD", SECRET)
    monkeypatch.setenv("CATALOG_REGISTRY__URL", "https://registry/")
    monkeypatch.setenv("CATALOG_REGISTRY__PASSWORD", SECRET)
    monkeypatch.setenv("CATALOG_CONNECT__URL", "https://connect")
    monkeypatch.setenv("CATALOG_MASTER__URL", f"postgresql://u:{SECRET}@h/m")
    monkeypatch.setenv("CATALOG_READ__URL", f"postgresql://u:{SECRET}@h/r")
    endpoints = resolve_endpoints(load_settings())
    assert endpoints.kafka == {
        "bootstrap.servers": "a:1",
        "security.protocol": "SASL_SSL",
        "sasl.password": SECRET,
        "message.max.bytes": "8388608",
    }
    assert endpoints.registry.url == "https://registry"
    assert endpoints.read_dsn.partition("?")[0].endswith("/r")
    assert SECRET not in repr(endpoints)
    assert SECRET not in repr(endpoints.registry)


def test_what_isn_t_set_comes_from_the_running_up(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded = {
        "kafka": "127.0.0.1:1",
        "connect": "http://127.0.0.1:3",
        "master": "postgresql://u:p@127.0.0.1/master",
        "read": "postgresql://u:p@127.0.0.1/read",
    }
    settings = load_settings(data=bare / "data")
    with pytest.raises(Misconfigured, match=r"no `catalog up` runs on .*CATALOG_KAFKA__BOOTSTRAP"):
        resolve_endpoints(settings)
    with own_data_folder(bare / "data", fresh=False) as folder:
        folder.publish(embedded)
        with pytest.raises(Misconfigured, match="CATALOG_REGISTRY__URL here as well"):
            resolve_endpoints(settings)
        monkeypatch.setenv("CATALOG_REGISTRY__URL", "http://registry")
        found = resolve_endpoints(load_settings(data=bare / "data"))
        assert found.kafka == {
            "bootstrap.servers": "127.0.0.1:1",
            "message.max.bytes": "8388608",
        }
        assert found.registry.url == "http://registry"
    with pytest.raises(Misconfigured, match="no `catalog up` runs"):
        resolve_endpoints(settings)  # its file still lies there, but nobody owns the folder


def test_every_setting_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "reference" / "settings.md").read_text(
        encoding="utf-8"
    )
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            for setting, of in group.model_fields.items():
                assert (of.alias or setting).upper() in text, f"{name}.{setting}"
        else:
            assert f"`{name}`" in text


def test_the_documented_example_is_accepted(bare: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "reference" / "settings.md").read_text(
        encoding="utf-8"
    )
    example = text.partition("```toml\n")[2].partition("```")[0]
    (bare / "catalog.toml").write_text(example)
    settings = load_settings()
    assert settings.kafka.options["security.protocol"].get_secret_value() == "SASL_SSL"
    assert settings.kafka.replication_factor == 3


def test_zones_are_of_territories_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_ZONES__US", "America/Los_Angeles")
    assert load_settings().zones == {"US": "America/Los_Angeles"}
    monkeypatch.setenv("CATALOG_ZONES__US", "America/Springfield")
    with pytest.raises(Misconfigured, match="no time zone"):
        load_settings()
    monkeypatch.delenv("CATALOG_ZONES__US")
    monkeypatch.setenv("CATALOG_ZONES__UK", "Europe/London")
    with pytest.raises(Misconfigured, match="GB"):
        load_settings()
