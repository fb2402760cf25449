"""A connection to PostgreSQL that gives up a server which neither answers nor hangs up.

Apart from patience.py, because it loads libpq, which a run on SQLite need not.
"""

import time
from typing import Any

import psycopg


class PatientConnection(psycopg.Connection[Any]):
    """A connection that gives up a server which neither answers nor hangs up. `longest` None waits without an end."""

    longest: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server at most `longest` seconds, then close: what it still does is rolled back there.

        Raises psycopg's OperationalError then, and when the server hangs up.
        """
        limit = self.longest if timeout is None else timeout
        began = time.monotonic()
        try:
            return super().wait(gen, interval, limit)
        except psycopg.OperationalError:
            if limit is not None and time.monotonic() - began >= limit:
                self.pgconn.finish()
            raise
