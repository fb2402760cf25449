"""The clock's guard: a clock that leaps stops asking and giving up, until a person confirms it or it has stood a while.

Thirteen months forward for twelve seconds would ask nobody and give up every question of a year, for good. So before a
round that asks, gives up or deletes, business time is held against the time that has passed. While a leap is not
confirmed, mails wait and nothing is given up; answers are routed, so that who is unhappy has their ticket.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from workers.store.connection import Connection
from workers.store.controls import (
    CLOCK_LEAPT,
    CLOCK_MOVED,
    CLOCK_SEEN,
    clear_control,
    read_controls,
    set_control,
)
from workers.store.engine import Store

log = logging.getLogger(__name__)
FORWARD = timedelta(days=1)
"""How much further than the time that has passed a clock may go between two rounds."""
BACKWARD = timedelta(minutes=5)
"""How much a clock may be set back: what time servers correct, and what machines differ by."""
STANDS_AFTER_SECONDS = 600.0
SEEN_BETWEEN = timedelta(minutes=1)
BY = "boucle"


class ClockGuard:
    """Looks at business time for one process; safe to use from several threads."""

    def __init__(
        self, store: Store, now: Callable[[Connection], datetime], seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """Make it; `now` gives business time as a transaction sees it, `seconds` the time that passes."""
        self._store = store
        self._now = now
        self._seconds = seconds
        self._lock = threading.Lock()
        self._before: tuple[datetime, float] | None = None
        self._moved: str | None = None
        self._held_since: float | None = None

    def look(self) -> bool:
        """Look at the clock; false while it may not be acted by. Raises NotNow."""
        with self._lock:
            controls, now = self._read()
            return self._judge(controls, now, self._seconds())

    def _read(self) -> tuple[Mapping[str, str], datetime]:
        """Return the controls and the clock of one snapshot: whoever moves a stored clock says so in one transaction.

        Read one after the other, a clock moved in between would be taken for a leap, and all mail be held.
        """
        with self._store.reading() as connection:
            return read_controls(connection), self._now(connection)

    def _judge(self, controls: Mapping[str, str], now: datetime, at: float) -> bool:
        from_then = self._leap(controls, now, at)
        self._before, self._moved = (now, at), controls.get(CLOCK_MOVED, "")
        if from_then is not None:
            self._held_since = at
            self._hold(from_then, now)
            return False
        if CLOCK_LEAPT not in controls:
            self._held_since = None
            self._note(controls, now)
            return True
        self._held_since = at if self._held_since is None else self._held_since
        if at - self._held_since < STANDS_AFTER_SECONDS:
            return False
        self._held_since = None
        log.warning("The clock has stood for ten minutes: it counts again.", extra={"action": "clock.stands"})
        self._store.write(lambda connection: clear_control(connection, CLOCK_LEAPT))
        self._note({}, now)
        return True

    def _leap(self, controls: Mapping[str, str], now: datetime, at: float) -> datetime | None:
        """Return what the clock should have said, when it says something else that nobody confirmed."""
        moved = controls.get(CLOCK_MOVED, "")
        if self._before is None:
            seen, _, moved_then = controls.get(CLOCK_SEEN, "").partition(" ")
            expected = datetime.fromisoformat(seen) if seen and moved_then == moved else now
        else:
            then, began = self._before
            expected = then + timedelta(seconds=at - began) if moved == self._moved else now
            if now < expected and now - then >= -BACKWARD:  # a clock that stands still does not leap
                return None
        return expected if now - expected > FORWARD or expected - now > BACKWARD else None

    def _hold(self, expected: datetime, now: datetime) -> None:
        leap = f"{expected:%Y-%m-%d %H:%M} {now:%Y-%m-%d %H:%M}"
        log.error(
            "The clock says %s, %s was expected: nothing is asked or given up until `boucle clock confirm`, "
            "or until it has stood for ten minutes.",
            now.isoformat(timespec="seconds"),
            expected.isoformat(timespec="seconds"),
            extra={"action": "clock.leapt"},
        )
        self._store.write(lambda connection: set_control(connection, CLOCK_LEAPT, leap, now, BY))

    def _note(self, controls: Mapping[str, str], now: datetime) -> None:
        """Keep, once a minute, that the clock was right, for roles that start later."""
        seen, _, moved_then = controls.get(CLOCK_SEEN, "").partition(" ")
        if seen and moved_then == self._moved and abs(now - datetime.fromisoformat(seen)) < SEEN_BETWEEN:
            return
        value = f"{now.isoformat()} {self._moved}"
        self._store.write(lambda connection: set_control(connection, CLOCK_SEEN, value, now, BY))
