"""Giving way: work on a table's shape gives up a lock that it does not get soon, because everybody waits behind it.

It is tried again `TRIES` times, with a pause between.
"""

from sqlalchemy.engine import Connection

LOCK_SECONDS = 2.0
"""For how long everybody may have to wait behind work that does not get its lock."""
TRIES = 300
PAUSE_SECONDS = 1.0
IN_THE_WAY = ("55P03", "40P01")
"""SQLSTATE lock_not_available and deadlock_detected."""


def give_way(connection: Connection) -> None:
    """Have this transaction give up a lock that it does not get soon; on SQLite nothing, where one writes at a time."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(LOCK_SECONDS * 1000)}")


def met_others(error: BaseException | None) -> bool:
    """Tell whether an error of SQLAlchemy's says that other transactions' locks were in the way."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in IN_THE_WAY
