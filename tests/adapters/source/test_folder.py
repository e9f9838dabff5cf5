"""A source's folder."""

from pathlib import Path

import pytest

from adapters.source.blocks import bare
from adapters.source.folder import read_folder
from domain.failures import Misconfigured

TOML = """
topics = "mb"
[tables.release]
key = ["id"]
[tables.medium]
key = ["id"]
[affects.release]
medium = "SELECT release AS id FROM changed"
"""


def _folder(tmp_path: Path, toml: str = TOML, file: str = "release.sql") -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "source.toml").write_text(toml)
    (folder / file).write_text("SELECT id FROM release;")
    return folder


def test_a_folder_is_a_source(tmp_path: Path) -> None:
    source = read_folder(_folder(tmp_path))
    assert (source.name, source.replica, source.topics) == ("music", "source_music", "mb")
    assert source.tables["medium"].key == ("id",)
    assert source.mappings["release"].affects == {"medium": "SELECT release AS id FROM changed"}


@pytest.mark.parametrize(
    ("toml", "file", "why"),
    [
        ("", "release.sql", "names no tables"),
        ("tables", "release.sql", "can't be read"),
        (TOML, "releases.sql", "releases is no master table"),
        (TOML, "track.sql", "there is no release.sql"),
        ("nam = 'x'\n" + TOML, "release.sql", "nam is unknown"),
        ("connector = 'dbase'\n" + TOML, "release.sql", "connector is 'dbase'"),
        ("connector = 'mysql'\n" + TOML, "release.sql", "database must name"),
        ("[tables.release]\nkey = ['id']\nunits = {a = 's'}", "release.sql", "no ms, us or ns"),
        ("[tables.release]\nkey = ['id']\ncolumns = {a = 1}", "release.sql", "column = text"),
        ("topic = 'x.{tables}'\n" + TOML, "release.sql", "topic may hold .* not 'tables'"),
        ("topic = 'x'\n" + TOML, "release.sql", "topic must hold"),
        ("lenient = 1\n" + TOML, "release.sql", "lenient must be true or false"),
        (TOML + "[connector_settings]\n'database.password' = 'x'", "release.sql", "is a secret"),
        ("name = 'My Source'\n" + TOML, "release.sql", "name is 'My Source'"),
        (TOML.replace("medium =", "discs ="), "release.sql", "there is no table discs"),
        ("[tables.release]\nkey = 'id'", "release.sql", "needs key"),
        ("[tables.release]\nkeys = ['id']", "release.sql", "'keys' is none of key"),
        ("[tables.__checkpoint]\nkey = ['id']", "release.sql", "can't be called"),
    ],
)
def test_what_is_wrong_in_it_is_named(tmp_path: Path, toml: str, file: str, why: str) -> None:
    with pytest.raises(Misconfigured, match=why):
        read_folder(_folder(tmp_path, toml, file))


@pytest.mark.parametrize(
    ("settings", "topic"),
    [
        ("", "mb.public.release"),
        ("connector = 'mariadb'\ndatabase = 'shop'", "mb.shop.release"),
        ("connector = 'sqlserver'\ndatabase = 'shop'\nschema = 'dbo'", "mb.shop.dbo.release"),
        ("connector = 'none'", "mb.release"),
        ("topic = 'cdc-{table}-v1'", "cdc-release-v1"),
    ],
)
def test_topics_are_called_as_their_connector_calls_them(
    tmp_path: Path, settings: str, topic: str
) -> None:
    assert read_folder(_folder(tmp_path, f"{settings}\n{TOML}")).topic_of("release") == topic


def test_whatever_changes_in_it_changes_its_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = read_folder(_folder(tmp_path / "a"))
    assert read_folder(_folder(tmp_path / "b")) == one
    other = read_folder(_folder(tmp_path, "lenient = true\n" + TOML))
    assert one.fingerprint != other.fingerprint


def test_a_statement_is_taken_without_its_semicolon() -> None:
    assert bare("SELECT ';' AS id -- a;b\n; -- end") == "SELECT ';' AS id -- a;b\n"
    assert bare("SELECT 1") == "SELECT 1"


MSSQL = """
connector = "sqlserver"
database = "Catalog"
schema = "dbo"
topics = "erp"
[tables.Release]
key = ["ReleaseId"]
columns = { ReleaseId = "int", Title = "nvarchar(max)", Price = "money", Changed = "datetime2(7)" }
units = { Changed = "ns" }
[tables.Track]
key = ["TrackId"]
topic = "tracks.v1"
"""


def test_a_database_that_folds_names_has_them_in_lower_case(tmp_path: Path) -> None:
    source = read_folder(_folder(tmp_path, MSSQL))
    release = source.tables["release"]
    assert release.key == ("releaseid",)
    assert release.columns == {
        "releaseid": "integer",
        "title": "text",
        "price": "numeric",
        "changed": "timestamp without time zone",
    }
    assert release.units == {"changed": "ns"}
    assert source.topic_of("release") == "erp.Catalog.dbo.Release"
    assert source.topic_of("track") == "tracks.v1"
