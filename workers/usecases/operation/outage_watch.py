"""Outage watch: each process that runs roles looks now and then whether its parts answer, and keeps rows of it.

So that `boucle status`, in a process of its own, says what roles find away and since when. Raises nothing: what cannot
be written down now is written when the database is back.
"""

import logging
from collections.abc import Callable, Sequence

from workers.errors import Misconfigured, NotNow
from workers.process.outages import KAFKA, Outage, Outages
from workers.store.delivery import told_outages
from workers.store.engine import Store

log = logging.getLogger(__name__)
LOOKS_BETWEEN_TELLING = 4
"""While something is away its row is looked through this seldom; that something changed is written at once."""


class Observing:
    """Looks and tells for one process; `seen_by` names it among the others."""

    def __init__(self, store: Store, seen_by: str, kafka: Callable[[], None] | None = None) -> None:
        self._store = store
        self._seen_by = seen_by
        self._kafka = kafka
        self._told: list[Outage] = []
        self._looks = 0

    def look(self) -> int:
        """Look once and write down what changed; return how much is away."""
        if self._kafka is not None:
            note_whether(self._store.outages, KAFKA, self._kafka)
        away = self._store.outages.current()
        self._looks += 1
        if away == self._told and not (away and self._looks % LOOKS_BETWEEN_TELLING == 0):
            return len(away)
        try:
            self._store.write(lambda connection: told_outages.keep(connection, self._seen_by, away))
        except NotNow:
            return len(away)
        self._told = away
        return len(away)


def note_whether(outages: Outages, part: str, ask: Callable[[], None]) -> None:
    """Ask a part: NotNow and Misconfigured begin or go on with its outage, an answer ends it. Idempotent."""
    try:
        ask()
    except (NotNow, Misconfigured) as error:
        outages.note(part, "it does not answer", str(error))
    else:
        outages.clear(part)


def describe(outages: Sequence[Outage], waiting: Callable[[str], int]) -> list[dict[str, object]]:
    """Return what is away as `boucle status` shows it: since when, why, and how much waits for it."""
    return [
        {
            "part": outage.part,
            "since": outage.since.isoformat(),
            "reason": outage.reason,
            "waiting": waiting(outage.part),
        }
        for outage in outages
    ]
