"""Divides the tables of a test's database on PostgreSQL, as an operator does who runs the shipped script."""

from contextlib import closing

import psycopg
from sqlalchemy.engine import make_url

from workers.store.engine import Store
from workers.store.operation import partitioning
from workers.usecases.operation.migrate import migrate

PARTITIONS = 16


def divide(url: str) -> None:
    """Migrate a database and run the script of hash partitions on it."""
    with closing(Store(url)) as store:
        migrate(store)
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        for statement in partitioning.hash_partitions(PARTITIONS):
            connection.execute(statement.encode())
