"""Whether the mail server takes mails, shared by all senders: since when it is away or refuses us, and in what words.

One row a server, in the database's own time where a sender waits by it: a stored business clock may stand still while
the server comes back. Nothing here decides what a failure means.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables

TABLE = tables.mail_server
FAILING = sa.select(TABLE).where(TABLE.c.failures > 0).order_by(TABLE.c.server)
"""Built once, because every round asks it: building a statement costs more than running it."""


@dataclass(frozen=True, slots=True)
class ServerState:
    """How one mail server stands; `failing_since` is business time, `probe_at` the database's."""

    server: str
    failures: int = 0
    failing_since: datetime | None = None
    probe_at: datetime | None = None
    kind: str = ""
    reason: str = ""

    @property
    def sentence(self) -> str:
        """Return a failing server as a clause for people."""
        since = f" since {self.failing_since:%Y-%m-%d %H:%M} UTC" if self.failing_since else ""
        return f"the mail server {self.server} takes no mails{since}: {self.reason}"


def state_of(connection: Connection, server: str, *, lock: bool = False) -> ServerState:
    """Return how a server stands; one that nothing is known of stands well."""
    query = sa.select(TABLE).where(TABLE.c.server == server)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return ServerState(*row) if row else ServerState(server)


def failing(connection: Connection) -> list[ServerState]:
    """Return the servers that take no mail at the moment, by name."""
    return [ServerState(*row) for row in connection.execute(FAILING)]


def keep_state(connection: Connection, state: ServerState) -> None:
    """Keep how a server stands; idempotent. The rows of servers that the settings named before go."""
    values = {
        "failures": state.failures,
        "failing_since": state.failing_since,
        "probe_at": state.probe_at,
        "kind": state.kind,
        "reason": state.reason,
    }
    changed = connection.execute(sa.update(TABLE).where(TABLE.c.server == state.server).values(**values))
    if not changed.rowcount:
        connection.execute(sa.delete(TABLE).where(TABLE.c.server != state.server))
        connection.execute(sa.insert(TABLE).values(server=state.server, **values))


def forget_servers(connection: Connection) -> int:
    """Forget what is known of every server, so that it is tried at once; return how many there were."""
    return connection.execute(sa.delete(TABLE)).rowcount
