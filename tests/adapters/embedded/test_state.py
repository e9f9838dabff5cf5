"""The data folder: one owner at a time, never somebody else's folder, found by other commands."""

import os
import stat
from pathlib import Path

import pytest

from adapters.embedded.state import (
    DataFolderInUse,
    DataFolderProblem,
    own_data_folder,
    read_running,
)


def test_a_second_owner_is_told_of_the_first(tmp_path: Path) -> None:
    with (
        own_data_folder(tmp_path / "data", fresh=False),
        pytest.raises(DataFolderInUse, match=rf"pid {os.getpid()}\)"),
        own_data_folder(tmp_path / "data", fresh=True),
    ):
        pass
    with own_data_folder(tmp_path / "data", fresh=False):
        pass


def test_fresh_deletes_only_inside_a_folder_of_ours(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis").write_text("precious")
    with (
        pytest.raises(DataFolderProblem, match="didn't make"),
        own_data_folder(tmp_path / "mine", fresh=True),
    ):
        pass
    assert (tmp_path / "mine" / "thesis").read_text() == "precious"

    with own_data_folder(tmp_path / "ours", fresh=False) as folder:
        (folder.path / "kafka" / "log").mkdir(parents=True)
        (folder.path / "link").symlink_to(tmp_path / "mine")
    with own_data_folder(tmp_path / "ours", fresh=True) as folder:
        assert not (folder.path / "kafka").exists()
        assert not (folder.path / "link").exists()
    assert (tmp_path / "mine" / "thesis").exists()


def test_what_runs_is_known_while_it_runs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert read_running(data) is None
    with own_data_folder(data, fresh=False) as folder:
        assert read_running(data) is None
        folder.publish({"kafka": "127.0.0.1:9092", "master": "postgresql://u:s3cr3t@h/d"})
        running = read_running(data)
        assert running is not None
        assert running.addresses["kafka"] == "127.0.0.1:9092"
        assert "s3cr3t" not in repr(running)
        mode = (data / "running.json").stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
    assert read_running(data) is None


def test_a_torn_state_file_is_named(tmp_path: Path) -> None:
    with own_data_folder(tmp_path / "data", fresh=False):
        (tmp_path / "data" / "running.json").write_text("{")
        with pytest.raises(DataFolderProblem, match="cannot read what runs in"):
            read_running(tmp_path / "data")


def test_secrets_and_ports_stay_the_same(tmp_path: Path) -> None:
    with own_data_folder(tmp_path / "data", fresh=False) as folder:
        assert folder.former_ports() == {}
        folder.remember_ports({"kafka": 9092})
        secret = folder.remember_secret("password")
    with own_data_folder(tmp_path / "data", fresh=False) as folder:
        assert folder.former_ports() == {"kafka": 9092}
        assert folder.remember_secret("password") == secret


def test_a_folder_that_can_t_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(DataFolderProblem, match="file/data: Not a directory"),
        own_data_folder(tmp_path / "file" / "data", fresh=False),
    ):
        pass
