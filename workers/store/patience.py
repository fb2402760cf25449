"""How long the database is waited for, on every line where it could stand still for good.

The server ends statements, waits for locks and idle transactions; the system ends a line that nobody answers on; and
for a server that is stopped, or a proxy that holds what it was given, the client itself stops waiting.
"""

import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import InvalidatePoolError

if TYPE_CHECKING:
    from workers.store.patient_connection import PatientConnection

GRACE_SECONDS = 5.0
"""How much longer than the server itself we wait for a statement: its own word says more than our silence."""
PROBES = 3
"""Unanswered probes after which the system calls an idle line dead."""

ASKED_AFTER_SECONDS = 5.0
"""Idle for longer, a connection is asked whether it lives: a line may have been cut without a word."""
BACK_AT = "back at"
"""Under this name a connection of the pool keeps when it came back."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds after which a wait for the database ends; the statement that waited is told as "not now"."""

    connect: float = 5.0
    statement: float = 60.0
    lock: float = 10.0
    idle: float = 60.0
    silence: float = 20.0
    file_lock: float = 30.0
    """Seconds that a writer waits for another one on SQLite, where all writers take turns."""

    def arguments(self) -> dict[str, Any]:
        """Return psycopg's connection arguments (libpq's names; times in whole seconds, `tcp_user_timeout` in ms)."""
        ends = {
            "statement_timeout": self.statement,
            "lock_timeout": self.lock,
            "idle_in_transaction_session_timeout": self.idle,
        }
        options = [f"-c {name}={max(1, round(seconds * 1000))}" for name, seconds in ends.items()]
        between = max(1, round(self.silence / (PROBES + 1)))
        return {
            "options": " ".join(["-c timezone=UTC", *options]),
            "connect_timeout": max(2, round(self.connect)),  # libpq takes 1 for 2
            "keepalives": 1,
            "keepalives_idle": between,
            "keepalives_interval": between,
            "keepalives_count": PROBES,
            "tcp_user_timeout": round(self.silence * 1000),
            "application_name": "boucle",
        }


def connect_patiently(patience: Patience, arguments: Any, options: Any) -> "PatientConnection":
    """Return a new connection with every time-out set."""
    from psycopg.types.string import TextLoader

    from workers.store.patient_connection import PatientConnection

    connection = PatientConnection.connect(*arguments, **options)
    connection.adapters.register_loader("uuid", TextLoader)  # ids are texts to us: no object is made of each
    connection.longest = patience.statement + GRACE_SECONDS
    return connection


def be_patient(connection: Connection) -> None:
    """Let the statements of this transaction take their time: a migration, an export, a report over all years.

    Waits for locks still end, so that a migration never has everybody wait behind it.
    """
    for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.exec_driver_sql(f"SET LOCAL {name} = 0")
    driven: Any = connection.connection.dbapi_connection
    if hasattr(driven, "longest"):
        driven.longest = None


def be_impatient(driven: Any, patience: Patience, kept: dict[Any, Any]) -> None:
    """Have a connection that comes back into the pool give up again when it should, and keep when it came back."""
    kept[BACK_AT] = time.monotonic()
    if hasattr(driven, "longest"):
        driven.longest = patience.statement + GRACE_SECONDS


def see_that_it_lives(dialect: Dialect, driven: Any, kept: dict[Any, Any]) -> None:
    """Have the pool give another connection than one that has ended since it came back; a new one is taken as it is.

    A server that restarts or ends a connection says so on its line: one that nothing came in on lives, and asking it
    would cost each transaction a round trip. Only a line that was cut in silence cannot be told: so one that was idle
    for long, or that something came in on, is asked. Raises InvalidatePoolError, at which the pool opens another one.
    """
    if BACK_AT not in kept:
        return
    try:
        idle = time.monotonic() - kept[BACK_AT]
        lives = (idle < ASKED_AFTER_SECONDS and not has_come_in(driven)) or dialect.do_ping(driven)
    except dialect.loaded_dbapi.Error:
        lives = False
    if not lives:
        raise InvalidatePoolError


def has_come_in(driven: Any) -> bool:
    """Tell whether anything came in on a connection's line, its end included."""
    line = select.poll()
    line.register(driven.fileno(), select.POLLIN)
    return bool(line.poll(0))
