"""A customer's version: one text that changes with whatever of them changes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import parts
import pytest
import sqlalchemy as sa

from workers.domain.records import Customer
from workers.domain.types import CustomerId
from workers.store import tables
from workers.store.bulk import insert_many
from workers.store.delivery.departures import customer_versions
from workers.store.engine import Store

ANN = CustomerId(str(UUID(int=1)))
LATER = datetime(2026, 3, 4, 12, tzinfo=UTC)
CHANGED: dict[type[sa.types.TypeEngine[Any]], object] = {
    tables.Instant: LATER,
    sa.JSON: {"colour": "green"},
    sa.Boolean: True,
    sa.Integer: 7,
    sa.BigInteger: 7,
    sa.Uuid: str(UUID(int=2)),
    sa.Text: "other",
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Give a database of each kind with one customer."""
    with parts.migrated(request, tmp_path_factory.mktemp("versions")) as made:
        ann = Customer(ANN, "c1", datetime(2026, 3, 3, tzinfo=UTC))
        made.write(lambda connection: insert_many(connection, Customer, [ann]))
        yield made


@pytest.mark.parametrize("column", [column.name for column in tables.customer.c if column.name != "id"])
def test_a_version_changes_with_each_column(store: Store, column: str) -> None:
    """It stays the same until something of the customer changes, and is another one then."""
    other = next(value for kind, value in CHANGED.items() if isinstance(tables.customer.c[column].type, kind))
    with store.engine.connect() as connection, connection.begin() as transaction:
        before = customer_versions(connection, [ANN])
        assert customer_versions(connection, [ANN], locking=True) == before
        connection.execute(sa.update(tables.customer).values({column: other}))
        assert customer_versions(connection, [ANN]).keys() == before.keys() == {ANN}
        assert customer_versions(connection, [ANN]) != before
        transaction.rollback()
