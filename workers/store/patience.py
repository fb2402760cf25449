"""How long the database is waited for, on every line where it could stand still for good.

The server ends statements, waits for locks and idle transactions; the system ends a line that nobody answers on; and
for a server that is stopped, or a proxy that holds what it was given, the client itself stops waiting.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from workers.store.patient_connection import PatientConnection

GRACE_SECONDS = 5.0
"""How much longer than the server itself we wait for a statement: its own word says more than our silence."""
PROBES = 3
"""Unanswered probes after which the system calls an idle line dead."""


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


def be_impatient(driven: Any, patience: Patience) -> None:
    """Have a connection that comes back into the pool give up again when it should."""
    if hasattr(driven, "longest"):
        driven.longest = patience.statement + GRACE_SECONDS
