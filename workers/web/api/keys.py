"""Who may send events, and what: by a key of the settings or of the database; without any key, this machine alone.

Every use and refusal is logged, counted and audited, without a row that every request would write: use and counts are
written once a minute, refusals of one network once a minute with how often. Keys are never kept or logged.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import date

from starlette.requests import Request

from workers.cloudevents.scopes import EVERYTHING
from workers.store.connection import Connection
from workers.store.engine import Store, database_now
from workers.store.sign_in import api_keys
from workers.store.sign_in.audit_log import record_act
from workers.usecases.sign_in.api_keys import ApiKeys, Judged, Outcome
from workers.web.http.requests.clients import address_prefix, client_of, from_this_machine
from workers.web.http.requests.context import Web
from workers.web.http.requests.forms import foreign

log = logging.getLogger(__name__)
WRITTEN_EVERY = 60.0  # seconds
REFUSALS_AUDITED = 30  # rows a minute and process, whoever guesses; the rest is counted only
NOBODY = "nobody"
"""Who acts in the audit log where no key was known."""
NO_KEY = (
    "Send a key: Authorization: Bearer KEY. `boucle keys create` makes one, BOUCLE_API_KEYS lists others. "
    "Without any key, only programs on the same machine may send."
)
THIS_MACHINE = "this machine"


class KeyUse:
    """What is noted of the requests with and without keys; one a process, for all of its threads."""

    def __init__(self, store: Store, ticks: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._ticks = ticks
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._refused: Counter[tuple[str, str, str]] = Counter()
        self._used: dict[str, float] = {}
        self._days: dict[str, date] = {}
        self._written_at = ticks()
        self._audited = 0

    def note(self, judged: Judged, network: str) -> None:
        """Note one request; what is due is written. Raises NotNow when the database is away."""
        key = judged.key.hash if judged.key and judged.outcome == Outcome.ALLOWED else ""
        who = (str(judged.outcome), judged.name, network)
        with self._lock:
            now = self._ticks()
            self._counts[judged.outcome] += 1
            refused = judged.outcome != Outcome.ALLOWED
            first = refused and who not in self._refused and self._audited < REFUSALS_AUDITED
            if refused and (first or who in self._refused):
                self._refused[who] += 1
            self._audited += first
            use_due = not refused and now - self._used.get(judged.name, float("-inf")) >= WRITTEN_EVERY
            if use_due:
                self._used[judged.name] = now
        if first:
            log.warning("a sender is refused", extra={"action": "key.refused", "outcome": who[0], "key": judged.name})
            self._store.write(lambda connection: audit_refusal(connection, who, 1))
        if use_due:
            log.info("a key is used", extra={"action": "key.use", "key": judged.name})
            self._store.write(lambda connection: self._keep_use(connection, judged, key, network))
        if first or use_due or now - self._written_at >= WRITTEN_EVERY:
            self.write_counts()

    def write_counts(self) -> None:
        """Write what was counted since the last time, and the refusals that came again, as one row each."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            now = self._ticks()
            again: dict[tuple[str, str, str], int] = {}
            if now - self._written_at >= WRITTEN_EVERY:
                again = {who: n - 1 for who, n in self._refused.items() if n > 1}
                self._refused, self._audited, self._written_at = Counter(), 0, now

        def work(connection: Connection) -> None:
            api_keys.count_requests(connection, counts)
            for who, n in sorted(again.items()):
                audit_refusal(connection, who, n)

        if counts or again:
            self._store.write(work)

    def _keep_use(self, connection: Connection, judged: Judged, key: str, network: str) -> None:
        """Keep when a key was last used, and in the audit log, once, that it was used on a day."""
        now = database_now(connection)
        if judged.name == THIS_MACHINE or (key and not api_keys.note_use(connection, key, now)):
            return
        before = judged.key.last_used_at.date() if judged.key and judged.key.last_used_at else None
        if now.date() not in (before, self._days.get(judged.name)):
            record_act(connection, now, judged.name, "key.use", judged.name, {"network": network})
        self._days[judged.name] = now.date()


def audit_refusal(connection: Connection, who: tuple[str, str, str], times: int) -> None:
    """Keep that a sender was refused: why, from which network, how often within the minute."""
    outcome, name, network = who
    detail = {"why": outcome, "network": network, "times": times}
    record_act(connection, database_now(connection), name or NOBODY, "key.refused", name, detail)


def sender_of(request: Request, web: Web) -> Judged:
    """Say who sends events and what they may send. Reads the database; raises NotNow when it is away."""
    keys: ApiKeys = request.app.state.api_keys
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and key.strip():
        judged = keys.judge(key.strip())
    elif not foreign(request) and from_this_machine(request, web) and not keys.any():
        return Judged(Outcome.ALLOWED, THIS_MACHINE, EVERYTHING)
    else:
        judged = Judged(Outcome.MISSING, why=NO_KEY)
    if judged.outcome != Outcome.UNKNOWN:
        return judged
    return Judged(Outcome.UNKNOWN, judged.name, why=f"{judged.why} {NO_KEY}", key=judged.key)


def note(request: Request, judged: Judged) -> None:
    """Note one request with the network it came from."""
    use: KeyUse = request.app.state.key_use
    use.note(judged, address_prefix(client_of(request.scope)))
