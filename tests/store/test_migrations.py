"""Migrations: a database made by the revisions is the database that the tables describe, on both engines."""

import re
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from make_dump import DUMP, load

from workers import settings as settings_module
from workers.errors import Misconfigured
from workers.store import tables
from workers.store.engine import Store
from workers.usecases.operation import migrate, status

AGAIN = "Run `python -m workers.migrations first`, or write a new revision (workers/migrations/README.md)."


def sqlite_store(folder: Path, name: str) -> Store:
    """Return a store of an empty SQLite file."""
    return Store(f"sqlite:///{folder / name}")


def sqlite_schema(store: Store) -> dict[str, str]:
    """Return every table and index with its statement, its columns in order, without what means nothing."""
    with store.reading() as connection:
        rows = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
    statements = {str(name): spaced(str(sql)) for name, sql in rows}
    return {name: sql for name, sql in statements.items() if name not in ("alembic_version", "sqlite_sequence")}


def spaced(sql: str) -> str:
    """Return a statement without quotes and in one way of writing blanks: SQLite keeps those of ALTER TABLE."""
    return re.sub(r"\s*([(),])\s*", r"\1", " ".join(sql.replace('"', "").split()))


POSTGRES_COLUMNS = """
    SELECT table_name || '.' || column_name, data_type || ' ' || COALESCE(character_maximum_length, 0)
           || ' ' || is_nullable || ' ' || COALESCE(column_default, '') || ' ' || is_identity
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'"""
POSTGRES_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'"""


def postgres_schema(store: Store) -> dict[str, str]:
    """Return every column with its type, and every index with its statement."""
    with store.reading() as connection:
        return {
            str(name): str(what)
            for query in (POSTGRES_COLUMNS, POSTGRES_INDEXES)
            for name, what in connection.execute(sa.text(query))
        }


def make_directly(store: Store) -> None:
    """Make the tables from their description, without revisions."""
    with store.engine.begin() as connection:
        tables.metadata.create_all(connection)


def clear(store: Store) -> None:
    """Drop everything of a PostgreSQL database."""
    with store.engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))


def test_revisions_make_the_tables_on_sqlite(tmp_path: Path) -> None:
    """On SQLite, revisions and table descriptions give the same tables, columns, keys and indexes."""
    migrated, direct = sqlite_store(tmp_path, "a.db"), sqlite_store(tmp_path, "b.db")
    migrate.migrate(migrated)
    make_directly(direct)
    assert sqlite_schema(migrated) == sqlite_schema(direct), AGAIN
    migrated.close()
    direct.close()


def test_revisions_make_the_tables_on_postgresql(postgres: str) -> None:
    """On PostgreSQL, revisions and table descriptions give the same columns, types, defaults and indexes."""
    store = Store(postgres)
    make_directly(store)
    direct = postgres_schema(store)
    clear(store)
    migrate.migrate(store)
    assert postgres_schema(store) == direct, AGAIN
    store.close()


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    """`boucle migrate` may run at every start."""
    store = sqlite_store(tmp_path, "a.db")
    assert migrate.schema_of(store) == 0
    assert migrate.migrate(store) == migrate.SCHEMA
    before = sqlite_schema(store)
    assert migrate.migrate(store) == migrate.SCHEMA
    assert sqlite_schema(store) == before
    store.close()


def test_revisions_are_numbered_and_the_newest_is_the_schema() -> None:
    """The schema's number is the newest revision's, and each revision's file bears its number."""
    script = ScriptDirectory.from_config(migrate.script_of())
    numbers = sorted(int(revision.revision) for revision in script.walk_revisions())
    assert numbers == list(range(1, migrate.SCHEMA + 1))
    assert script.get_current_head() == f"{migrate.SCHEMA:04}"
    assert {Path(revision.path).name for revision in script.walk_revisions()} == {
        f"r{number:04}.py" for number in numbers
    }
    assert migrate.MINIMUM <= migrate.SCHEMA


def test_a_role_waits_for_migrate_on_a_real_database_but_not_on_the_embedded_one(tmp_path: Path) -> None:
    """A database with an older schema stops a role with a sentence; the embedded one is brought up to date."""
    settings = settings_module.read({"BOUCLE_HOME": str(tmp_path)})
    store = sqlite_store(tmp_path, "a.db")
    with pytest.raises(Misconfigured, match="run `boucle migrate`"):
        migrate.require(store, settings, may_migrate=False)
    migrate.require(store, settings, may_migrate=True)
    assert migrate.schema_of(store) == migrate.SCHEMA
    store.close()


def test_a_newer_schema_is_used_as_it_is(tmp_path: Path) -> None:
    """A role of the release before goes on with a newer schema, and migrating does not go back."""
    settings = settings_module.read({"BOUCLE_HOME": str(tmp_path)})
    store = sqlite_store(tmp_path, "a.db")
    migrate.migrate(store)
    with store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0099'"))
    migrate.require(store, settings, may_migrate=True)
    assert migrate.migrate(store) == 99
    store.close()


def test_the_database_of_0_1_0_is_brought_up_to_date_and_its_books_hold(tmp_path: Path) -> None:
    """A small database of 0.1.0 keeps every row through all later revisions, and its sums still add up."""
    path = tmp_path / "old.db"
    load(path)
    with sqlite3.connect(path) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        before = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
    connection.close()
    store = Store(f"sqlite:///{path}")
    migrate.migrate(store)
    with store.reading() as opened:
        after = {name: opened.execute(sa.text(f'SELECT count(*) FROM "{name}"')).scalar() for name in before}
        books = status.read_books(opened)
    assert after == before
    assert [check for check in books.sums() if not check["ok"]] == []
    direct = sqlite_store(tmp_path, "new.db")
    make_directly(direct)
    assert sqlite_schema(store) == sqlite_schema(direct)
    store.close()
    direct.close()


def test_the_kept_database_has_rows_in_every_table() -> None:
    """The dump of 0.1.0 has every table of its time, each with rows, so that no migration goes untried."""
    text = DUMP.read_text()
    made = set(re.findall(r"^CREATE TABLE \"?(\w+)\"?", text, re.MULTILINE)) - {"sqlite_sequence"}
    filled = set(re.findall(r"^INSERT INTO \"(\w+)\"", text, re.MULTILINE))
    assert made - filled == set()
