"""Records are read straight from the driver: the same as by SQLAlchemy, for every class and on both engines."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime

import parts
import pytest
import sqlalchemy as sa
from make_dump import load, load_postgresql

from workers.domain.records import (
    AskedMailbox,
    FormerAddress,
    PlaceAnswer,
    Row,
    SmsDialogue,
    SmsMessage,
    SmsReply,
    Touchpoint,
)
from workers.store import read, tables
from workers.store.engine import Store
from workers.store.row_reading import read_records
from workers.structs import replace
from workers.usecases.operation import migrate

SINCE: tuple[type[Row], ...] = (AskedMailbox, FormerAddress, PlaceAnswer, SmsDialogue, SmsMessage, SmsReply)
"""Classes that 0.1.0 did not have: its database holds none of them."""


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Give a database with rows in every table."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            path = tmp_path_factory.mktemp("reading") / "old.db"
            load(path)
            url = f"sqlite:///{path}"
        else:
            url = stack.enter_context(parts.empty_database(str(request.getfixturevalue("postgres_server"))))
            load_postgresql(url)
        opened = stack.enter_context(closing(Store(url)))
        migrate.migrate(opened)
        yield opened


@pytest.mark.parametrize("kind", tables.WRITE_ORDER)
def test_a_record_is_the_one_that_the_columns_say(store: Store, kind: type[Row]) -> None:
    """Ids are texts, instants are in UTC, states are their words, documents are values; nothing is left as sent."""
    with store.reading() as connection:
        expected = read.rows(connection, kind)
        records = read_records(connection, kind, sa.select(tables.of(kind)), {})
    assert sorted(records, key=repr) == sorted(expected, key=repr)
    assert records or kind in SINCE
    for record in records:
        for name in kind.names():
            value, same = getattr(record, name), getattr(expected[0], name)
            assert type(value) is type(same) or value is None or same is None
            assert not isinstance(value, datetime) or value.tzinfo is UTC


def test_a_copy_with_changes_differs_in_them_alone(store: Store) -> None:
    """For every class and every field, by either way, and the row stays as it was; a field that it lacks is refused."""
    with store.reading() as connection:
        rows = [row for kind in tables.WRITE_ORDER for row in read.rows(connection, kind)[:1]]
    for row in rows:
        assert row.but() == row
        before = {name: getattr(row, name) for name in row.names()}
        for name in row.names():
            for copy in (row.but(**{name: "x"}), replace(row, **{name: "x"})):
                assert {other: getattr(copy, other) for other in row.names()} == {**before, name: "x"}
        assert {name: getattr(row, name) for name in row.names()} == before
    with pytest.raises(TypeError):
        rows[0].but(colour="blue")
    with pytest.raises(AttributeError):
        rows[0].customer = "another"  # type: ignore[attr-defined]
    assert any(isinstance(row, Touchpoint) for row in rows)
