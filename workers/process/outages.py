"""Outages: what a process finds away, since when and why; told by one line when it goes and one when it is back.

Nothing here asks a part: whoever used it says how that went. A part that answers some and fails others is away until
it has failed nobody for a while, so that no line is written for each of a thousand tries.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

log = logging.getLogger(__name__)
DATABASE, KAFKA, MAIL = "database", "kafka", "mail server"
PARTS = (DATABASE, KAFKA, MAIL)
QUIET_SECONDS = 5.0
"""For how long a part must have failed nobody before it counts as back."""


@dataclass(frozen=True, slots=True)
class Outage:
    """One part that is away: since when by this machine's time, and why in words of ours."""

    part: str
    since: datetime
    reason: str


@dataclass(slots=True)
class _Trouble:
    outage: Outage
    failed: float
    answered: float | None = None


class Outages:
    """What is away as one process sees it; safe to use from any thread."""

    def __init__(
        self,
        seconds: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._seconds = seconds
        self._now = now
        self._lock = threading.Lock()
        self._away: dict[str, _Trouble] = {}

    def note(self, part: str, reason: str, said: str = "") -> None:
        """Note that a part did not do what it was asked; `said` are its own words, which only the log gets, once."""
        at = self._seconds()
        with self._lock:
            trouble = self._away.get(part)
            if trouble is not None:
                trouble.failed, trouble.answered = at, None
                trouble.outage = Outage(part, trouble.outage.since, reason)
                return
            self._away[part] = _Trouble(Outage(part, self._now(), reason), at)
        words = f" ({said})" if said else ""
        log.warning("%s is away: %s%s", part, reason, words, extra={"action": "part.away"})

    def clear(self, part: str) -> None:
        """Note that a part did what it was asked. Costs nothing while it is not away."""
        if part not in self._away:
            return
        with self._lock:
            if trouble := self._away.get(part):
                trouble.answered = self._seconds()
        self.current()

    def current(self) -> list[Outage]:
        """Return what is away now, longest first."""
        at = self._seconds()
        with self._lock:
            back = [
                trouble.outage
                for trouble in self._away.values()
                if trouble.answered is not None and at - trouble.failed >= QUIET_SECONDS
            ]
            for outage in back:
                del self._away[outage.part]
            left = sorted(
                (trouble.outage for trouble in self._away.values()), key=lambda outage: (outage.since, outage.part)
            )
        for outage in back:
            lasted = (self._now() - outage.since).total_seconds()
            log.warning(
                "%s is back after %.0f s (%s)", outage.part, lasted, outage.reason, extra={"action": "part.back"}
            )
        return left
