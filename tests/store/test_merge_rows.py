"""Moving the rows of a merged customer: every table that has a customer is known to the move."""

from workers.store import tables
from workers.store.customer.merge import MOVED, RELABELLED, SETTLED, STAYS


def test_every_table_with_a_customer_moves() -> None:
    """A new table with a `customer` cannot be overlooked."""
    with_customer = {table.name for table in tables.metadata.sorted_tables if "customer" in table.c}
    assert {table.name for table in (*MOVED, *RELABELLED, *SETTLED, *STAYS)} == with_customer
