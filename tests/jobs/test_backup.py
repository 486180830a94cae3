"""Backup while it serves, and the way back; what is no backup of ours changes nothing."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.jobs.backup import back_up, restore
from tests import databases
from tests.conftest import NOW
from tests.jobs.shell import run


@pytest.fixture
def config(sqlite_template, tmp_path):
    """Settings on a fresh SQLite database in WAL, as the service leaves it."""
    url = databases.copy_sqlite(sqlite_template, tmp_path / "live.sqlite")
    with closing(sqlite3.connect(tmp_path / "live.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    return databases.config_for(url, tmp_path)


def add_partner(config, key):
    with closing(sqlite3.connect(config.sqlite_path)) as connection:
        connection.execute("INSERT INTO partner (key, name) VALUES (?, ?)", (key, key))
        connection.commit()


def partners(path):
    with closing(sqlite3.connect(path)) as connection:
        return [key for (key,) in connection.execute("SELECT key FROM partner ORDER BY key")]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_backup_holds_what_was_committed_while_others_write(config, tmp_path):
    add_partner(config, "before")
    with closing(sqlite3.connect(config.sqlite_path)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO partner (key, name) VALUES ('open', 'open')")

        size = back_up(config, tmp_path / "copy.sqlite")
        writer.commit()

    assert size == (tmp_path / "copy.sqlite").stat().st_size
    assert partners(tmp_path / "copy.sqlite") == ["before"]
    assert partners(config.sqlite_path) == ["before", "open"]


def test_a_backup_is_one_file_for_its_owner_alone(config, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()

    back_up(config, folder / "copy.sqlite")

    assert names(folder) == ["copy.sqlite"]
    assert (folder / "copy.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_backup_never_overwrites(config, tmp_path):
    target = tmp_path / "copy.sqlite"
    target.write_text("precious", encoding="ascii")

    said = run(config, "backup", target, "--json")

    assert said.code == 1
    assert said.document["errors"][0]["code"] == "exists"
    assert target.read_text(encoding="ascii") == "precious"


def test_a_backup_into_no_folder_is_refused(config, tmp_path):
    with pytest.raises(RuleBroken) as refused:
        back_up(config, tmp_path / "nowhere" / "copy.sqlite")

    assert refused.value.code == "cannot-write"


def test_a_restore_brings_back_what_was_and_keeps_what_is(config, tmp_path):
    add_partner(config, "first")
    back_up(config, tmp_path / "copy.sqlite")
    add_partner(config, "second")

    said = run(config, "restore", tmp_path / "copy.sqlite", "--json")

    assert said.code == 0
    assert partners(config.sqlite_path) == ["first"]
    assert partners(said.document["kept"]) == ["first", "second"]
    assert run(config, "verify").code == 0


def test_a_restore_onto_nothing_makes_the_database(config, tmp_path):
    add_partner(config, "first")
    back_up(config, tmp_path / "copy.sqlite")
    elsewhere = replace(config, database_url=f"sqlite:///{tmp_path}/other.sqlite")

    kept = restore(elsewhere, tmp_path / "copy.sqlite", NOW)

    assert kept is None
    assert partners(tmp_path / "other.sqlite") == ["first"]


def test_a_restore_is_refused_while_the_database_is_in_use(config, tmp_path):
    back_up(config, tmp_path / "copy.sqlite")
    with closing(sqlite3.connect(config.sqlite_path)) as other:
        other.execute("SELECT count(*) FROM partner").fetchall()

        with pytest.raises(Conflict) as refused:
            restore(config, tmp_path / "copy.sqlite", NOW)

    assert refused.value.code == "in-use"
    assert partners(config.sqlite_path) == []
    assert [name for name in names(tmp_path) if "restore" in name or "part" in name] == []


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be looked at" * 100])
def test_what_is_no_database_is_not_restored(config, tmp_path, content):
    (tmp_path / "copy.sqlite").write_bytes(content)
    add_partner(config, "first")

    with pytest.raises(RuleBroken):
        restore(config, tmp_path / "copy.sqlite", NOW)

    assert partners(config.sqlite_path) == ["first"]


def test_another_programs_database_is_not_restored(config, tmp_path):
    with closing(sqlite3.connect(tmp_path / "copy.sqlite")) as connection:
        connection.execute("CREATE TABLE startup (id INTEGER)")

    with pytest.raises(RuleBroken) as refused:
        restore(config, tmp_path / "copy.sqlite", NOW)

    assert refused.value.code == "not-ours"


def test_a_damaged_backup_is_not_restored(config, tmp_path):
    copy = tmp_path / "copy.sqlite"
    for number in range(200):
        add_partner(config, f"partner-{number}")
    back_up(config, copy)
    content = bytearray(copy.read_bytes())
    page = 4096
    for start in range(5 * page, len(content), 2 * page):
        content[start : start + page] = b"\xaa" * len(content[start : start + page])
    copy.write_bytes(content)

    with pytest.raises(RuleBroken) as refused:
        restore(config, copy, NOW)

    assert refused.value.code in ("damaged", "not-a-database")
    assert len(partners(config.sqlite_path)) == 200


def test_a_missing_file_is_not_restored(config, tmp_path):
    said = run(config, "restore", tmp_path / "none.sqlite")

    assert said.code == 1
    assert "none.sqlite" in said.err


@pytest.mark.parametrize("word", ["backup", "restore"])
def test_postgresql_is_left_to_its_own_tools(word, tmp_path):
    config = databases.config_for("postgresql+psycopg://somebody@127.0.0.1:1/none", tmp_path)
    act = {"backup": lambda: back_up(config, tmp_path / "x"), "restore": lambda: restore(config, tmp_path / "x", NOW)}

    with pytest.raises(RuleBroken) as refused:
        act[word]()

    assert {"backup": "pg_dump", "restore": "pg_restore"}[word] in str(refused.value)
