"""From the event to the call about a ticket: what intake, waking, sending and answering read, they read by an index.

The lists of test_hot_statements.py are made by hand; this is what a loop really sends to each database.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from parts import empty_database
from test_page_statements import scans_on_postgresql, scans_on_sqlite
from test_partitions import live_through
from worlds import Embedded

from workers.store.engine import Store

READS = ("SELECT", "UPDATE", "DELETE", "WITH")


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop that was lived through on a database, and each statement that it sent, with values of one time."""

    store: Store
    statements: dict[str, Any]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def loop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """Give a loop on each database."""
    with ExitStack() as stack:
        database: dict[str, Any] = {}
        if request.param == "postgresql":
            database = {"database_url": stack.enter_context(empty_database(request.getfixturevalue("postgres_server")))}
        world = stack.enter_context(Embedded(tmp_path_factory.mktemp("loop") / "home", **database))
        statements: dict[str, Any] = {}

        def keep(_connection: Any, _cursor: Any, text: str, values: Any, _context: Any, many: bool) -> None:
            if text.lstrip().startswith(READS):
                statements.setdefault(text, values[0] if many else values)

        world.parts.scheduler.take_over()  # what a release before left to do is done once, not in a loop
        sa.event.listen(world.store.engine, "before_cursor_execute", keep)
        live_through(world)
        sa.event.remove(world.store.engine, "before_cursor_execute", keep)
        yield Loop(world.store, statements)


def test_a_whole_loop_reads_by_indexes(loop: Loop) -> None:
    """No statement of it reads a table that grows, or a whole index of one, from end to end."""
    scans = scans_on_sqlite if loop.store.sqlite else scans_on_postgresql
    with loop.store.engine.connect() as connection:
        found = {text: list(scans(connection, text, values)) for text, values in loop.statements.items()}
    assert len(found) > 50
    assert {text: lines for text, lines in found.items() if lines} == {}


def test_states_stand_in_the_statements(loop: Loop) -> None:
    """No statement of it compares a state with a parameter: SQLite would plan it anew each time it runs."""
    assert [text for text in loop.statements if re.search(r"\.state !?= [?%:]", text)] == []
