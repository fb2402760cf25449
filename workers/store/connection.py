"""What others know of the database's driver: a connection in its transaction, and what it raises.

Whoever is given a `Connection` passes it on to functions of the store; statements are written there alone.
"""

from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

__all__ = ["ArgumentError", "Connection", "DBAPIError", "SQLAlchemyError"]
"""`ArgumentError`: an address that names no database. `DBAPIError`: the database or its driver refuses a statement.
`SQLAlchemyError`: any of them, or no connection was to be had from the pool."""
