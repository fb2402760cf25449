"""Migrate: brings a database to the schema this release makes, by the revisions in `migrations/`.

Roles need `schema >= MINIMUM`, never equality: a newer schema is additive, so the release before goes on with it.
Two that migrate at once take turns. Nothing here moves data that a running role may change.
"""

import io
import time
from pathlib import Path
from typing import TYPE_CHECKING

from workers.errors import Misconfigured, NotNow
from workers.settings import Settings
from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.operation.column_statistics import look_at_new_columns
from workers.store.operation.giving_way import PAUSE_SECONDS, TRIES, give_way, met_others
from workers.store.operation.keys import build_keys, drop_retired
from workers.store.operation.long_versions import shorten_versions
from workers.store.operation.schema import has_inbox, revisions_in, take_turn

if TYPE_CHECKING:  # few commands migrate: the tool is imported where one does
    from alembic.config import Config

SCHEMA = 42
"""The schema this release makes: the number of the newest revision."""
MINIMUM = SCHEMA
"""The oldest schema this release runs on: rows are read with every column there is, so a new one is needed at once."""


def script_of() -> "Config":
    """Return where Alembic finds the revisions; no ini file is read."""
    from alembic.config import Config

    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(Path(__file__).parents[2] / "migrations").replace("%", "%%"))
    config.set_main_option("file_template", "r%%(rev)s")
    return config


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the revisions that a database lacks, in the caller's transaction; with `+1` the next one alone."""
    from alembic import command

    config = script_of()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def migrate(store: Store) -> int:
    """Bring the database to this release's schema and return its number; a newer schema stays. Idempotent.

    On PostgreSQL each revision is a transaction of its own, which gives way to others and is tried again, so that roles
    wait for the longest one at most. The keys of large tables are built afterwards, and their rows shortened, beside
    the work of roles, which run before and after alike: stopped there, it goes on where it was. Indexes that only roles
    of the release before use go when this runs once more. At the end the database learns what new columns hold. Raises
    NotNow when the database is away, or others keep the tables from it.
    """
    found = schema_of(store)
    number = run_revisions(store)
    if number == SCHEMA:
        build_keys(store)
        drop_retired(store, found)
        shorten_versions(store)
        look_at_new_columns(store)
    return number


def run_revisions(store: Store) -> int:
    """Run the revisions that a database lacks and return its number. Raises NotNow."""

    def work(connection: Connection) -> int:
        take_turn(connection)
        give_way(connection)
        number = schema_in(connection)
        if number < SCHEMA:
            upgrade(connection, "head" if store.sqlite or not number else "+1")  # nobody works on an empty one
        return schema_in(connection)

    left, number = TRIES, -1
    while number < SCHEMA:
        try:
            number = store.write(work, patient=True)
        except NotNow as error:
            left -= 1
            if not left or not met_others(error.__cause__):
                raise
            time.sleep(PAUSE_SECONDS)
    return number


def schema_of(store: Store) -> int:
    """Return the schema's number of a database; 0 for an empty one."""
    with store.reading() as connection:
        return schema_in(connection)


def schema_in(connection: Connection) -> int:
    """Return the schema's number by the revision that the database says it has. Raises Misconfigured."""
    numbers = revisions_in(connection)
    if numbers is None or (not numbers and not has_inbox(connection)):
        return 0
    number = " and ".join(numbers)  # of two, or none, nobody can say which it is
    if not (number.isascii() and number.isdecimal()):
        problem = f"The database calls its schema {number[:40]!r}, which is no number: another program has changed it."
        raise Misconfigured([f"{problem} Set BOUCLE_DATABASE_URL or BOUCLE_HOME to Boucle's own, or restore a backup."])
    return int(number)


def require(store: Store, settings: Settings, *, may_migrate: bool) -> None:
    """See that the database's schema is new enough; the embedded database is brought up to date by itself.

    Raises Misconfigured when somebody must run `boucle migrate` first.
    """
    number = schema_of(store)
    if store.sqlite and may_migrate and number < SCHEMA:
        migrate(store)
    elif number < MINIMUM:
        raise Misconfigured(
            [f"The database has schema {number}, this release needs {MINIMUM} or later: run `boucle migrate`."]
        )
