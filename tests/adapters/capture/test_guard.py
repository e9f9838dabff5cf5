"""What the guard says of a master: every way in which capture would miss or misread rows."""

from dataclasses import replace

import psycopg
import pytest

from adapters.capture.columns import TABLES
from adapters.capture.guard import MasterShape, TableShape, faults, look, unread_topics
from adapters.composition.endpoints import Endpoints
from adapters.ingestion.master.tables import CAPTURED
from migrations.run import upgrade
from tests.adapters.capture.test_capture import master_of


def found(shape: MasterShape, *captured: str) -> list[str]:
    return faults(shape, captured, schema="public", publication="p", slot="s")


ARTIST = TableShape(columns=dict.fromkeys(TABLES["artist"], "text"), key=("id",))
SOUND = MasterShape({"artist": ARTIST}, has_publication=True, slot="reserved")


def test_a_sound_master_has_no_faults() -> None:
    assert found(SOUND, "artist") == []


def test_added_columns_and_wider_types_are_no_fault() -> None:
    wider = {**ARTIST.columns, "display_name": "varchar", "nickname": "inet"}
    assert found(replace(SOUND, tables={"artist": replace(ARTIST, columns=wider)}), "artist") == []


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (replace(SOUND, has_publication=False), "no publication p"),
        (replace(SOUND, slot=None), "no replication slot s"),
        (replace(SOUND, slot="lost"), "given up the log of slot s"),
        (replace(SOUND, tables={}), "no table public.artist"),
        (
            replace(SOUND, tables={"artist": replace(ARTIST, is_published=False)}),
            "public.artist is not in the publication p",
        ),
        (
            replace(SOUND, tables={"artist": replace(ARTIST, replica_identity="d")}),
            "no REPLICA IDENTITY FULL",
        ),
        (
            replace(SOUND, tables={"artist": replace(ARTIST, key=("tenant", "id"))}),
            "(tenant, id), not (id)",
        ),
        (
            replace(
                SOUND,
                tables={
                    "artist": replace(
                        ARTIST,
                        columns={
                            "shown_name" if name == "display_name" else name: kind
                            for name, kind in ARTIST.columns.items()
                        },
                    )
                },
            ),
            "has no column display_name",
        ),
        (
            replace(
                SOUND,
                tables={
                    "artist": replace(ARTIST, columns={**ARTIST.columns, "display_name": "bytea"})
                },
            ),
            "public.artist.display_name is of type bytea, which can't be read as text",
        ),
    ],
)
def test_each_fault_is_said_with_its_name(shape: MasterShape, said: str) -> None:
    (sentence,) = found(shape, "artist")
    assert said in sentence


def test_topics_under_the_prefix_that_nobody_reads_are_named() -> None:
    there = [
        "master.public.artist", "master.public.remix", "master.signal", "master.message",
        "catalog.artist", "masters.public.x", "__debezium-heartbeat.master",
    ]  # fmt: skip
    assert unread_topics(there, "master", ["master.public.artist"]) == ["master.public.remix"]


@pytest.mark.integration
def test_our_own_master_is_sound_and_each_change_of_it_is_seen(
    engines: Endpoints, database: str
) -> None:
    dsn = master_of(engines, database)
    upgrade(dsn, "master", "public")
    with psycopg.connect(dsn, autocommit=True) as master:

        def seen() -> list[str]:
            shape = look(master, CAPTURED, schema="public", publication="p", slot="s")
            return found(replace(shape, slot="reserved"), *CAPTURED)

        master.execute(f"CREATE PUBLICATION p FOR TABLE {', '.join(CAPTURED)}")
        assert seen() == []
        master.execute("ALTER TABLE artist RENAME COLUMN display_name TO shown_name")
        master.execute("ALTER TABLE label REPLICA IDENTITY DEFAULT")
        master.execute("CREATE TABLE other (LIKE format INCLUDING ALL)")
        master.execute("ALTER TABLE other REPLICA IDENTITY FULL")
        master.execute("ALTER TABLE format RENAME TO former")
        master.execute("ALTER TABLE other RENAME TO format")
        said = "\n".join(seen())
        assert "public.artist has no column display_name" in said
        assert "public.label has no REPLICA IDENTITY FULL" in said
        assert "public.format is not in the publication p" in said
        assert len(seen()) == 3
