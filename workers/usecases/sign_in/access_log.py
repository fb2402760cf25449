"""What was let in and what was refused: one log line each, counts for /metrics, and the audit log for known people.

Counts are kept in memory for a few seconds and then added to the database: a flood of refusals must not become a flood
of transactions. A process that is killed loses the counts of those seconds, and no audit row.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from workers.errors import BoucleError
from workers.store.engine import Store
from workers.store.sign_in import accounts
from workers.store.sign_in.audit_log import record_act

log = logging.getLogger(__name__)
FLUSH_SECONDS = 5.0


class Access(StrEnum):
    """What was tried at a door of the team or of programs; the words are values of a column and of a metric."""

    SIGN_IN = "sign_in"
    ACT = "act"


GOOD = frozenset({"password", "link", "oidc"})
"""Outcomes that let somebody in; every other one is a refusal."""


class AccessLog:
    """Logs each try, counts it by outcome, and audits what a known person was refused."""

    def __init__(self, store: Store, now: Callable[[], datetime], ticks: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._now = now
        self._ticks = ticks
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._flushed_at = ticks()

    def note(self, access: Access, outcome: str, *, by: str = "", network: str = "", place: str = "") -> None:
        """Keep what became of a try; a refusal of a known person (`by`) is audited.

        `place` is a route, never an address with a customer's id in it. Raises nothing: what is kept of an act must not
        change its outcome.
        """
        good = outcome in GOOD
        more = {key: value for key, value in (("network", network), ("place", place)) if value}
        log.log(
            logging.INFO if good else logging.WARNING,
            "%s: %s",
            access.replace("_", " "),
            outcome,
            extra={"action": f"access.{access}", "outcome": outcome, **more},
        )
        with self._lock:
            self._counts[access, outcome] += 1
            due = self._ticks() - self._flushed_at >= FLUSH_SECONDS
        try:
            if by and not good:
                self._audit(access, outcome, by, place)
            if due:
                self.flush()
        except BoucleError as error:
            log.warning("not kept: %s", error, extra={"action": "access.wait"})

    def _audit(self, access: Access, outcome: str, by: str, place: str) -> None:
        detail = {"why": outcome, **({"place": place} if place else {})}
        now = self._now()
        self._store.write(lambda connection: record_act(connection, now, by, f"{access}.refused", f"user {by}", detail))

    def flush(self) -> None:
        """Add what was counted here to the database; raises NotNow, and loses nothing, while it is away."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            self._flushed_at = self._ticks()
        if not counts:
            return
        try:
            self._store.write(lambda connection: accounts.add_access_counts(connection, counts))
        except BaseException:
            with self._lock:
                self._counts.update(counts)
            raise
