"""Where inboxes are, and what can't be meant."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from adapters.composition.inboxes import open_store
from adapters.composition.services import INBOX, WORKERS, workers
from adapters.composition.setting_groups import InboxSettings
from adapters.composition.settings import load_settings, secrets_of
from domain.failures import Misconfigured


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("s3://bucket/in/", "s3://bucket/in"),
        ("s3://bucket", "s3://bucket"),
        ("sftp://label@host/in", "sftp://label@host:22/in"),
        ("sftp://host:2222", "sftp://host:2222/"),
    ],
)
def test_the_name_of_a_place(where: str, name: str) -> None:
    assert open_store(where, InboxSettings()).name == name


def test_a_folder_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_store("in", InboxSettings()).name == str(tmp_path / "in")


@pytest.mark.parametrize(
    ("where", "settings", "reason"),
    [
        ("ftp://host/in", {}, "not ftp://"),
        ("s3:///in", {}, "no bucket"),
        ("s3://bucket", {"access_key": "a"}, "belong together"),
        ("sftp:///in", {}, "no host"),
        ("sftp://host:port/in", {}, "can't be read"),
        ("sftp://label:hidden@host/in", {}, "CATALOG_INBOX__PASSWORD"),
    ],
)
def test_what_cannot_be_meant(where: str, settings: dict[str, str], reason: str) -> None:
    with pytest.raises(Misconfigured, match=reason) as refused:
        open_store(where, InboxSettings.model_validate(settings))
    assert "hidden" not in str(refused.value)


def test_secrets_are_known_as_such() -> None:
    inbox = InboxSettings(secret=SecretStr("of-s3"), password=SecretStr("of-sftp"))
    assert secrets_of(load_settings(inbox=inbox)) >= {"of-s3", "of-sftp"}


def test_an_inbox_is_kept_running_where_one_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert workers(load_settings()) == WORKERS
    monkeypatch.setenv("CATALOG_INBOX__WHERE", '["/in"]')
    assert workers(load_settings()) == (*WORKERS, INBOX)
