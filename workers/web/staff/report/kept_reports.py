"""Reports that took long are kept for a while: with many millions of rows, reading one costs the database seconds.

A report that is read within a second is read anew each time. Of a kept one the page says when it was read; a new note,
theme or initiative shows at once, because it makes another report.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")
"""A report as it was read."""

QUICK_SECONDS = 1.0
"""What takes less is read at each look."""
TIMES = 20
"""A report is kept for so many times as long as reading it took: at most a twentieth of the time goes into it."""
LONGEST_SECONDS = 600.0
MOST = 32
"""Reports kept at once, the ones used last."""


class KeptReports(Generic[T]):
    """The reports of one kind that a web role keeps, for its threads. The same one is read by one of them at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()
        self._reading: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, read: Callable[[], T]) -> T:
        """Return the report of a key, read anew where none is kept; what `read` raises passes, and is not kept."""
        with self._lock:
            reading = self._reading.setdefault(key, threading.Lock())
        with reading:
            kept = self._of(key)
            if kept is not None:
                return kept
            began = self._clock()
            try:
                review = read()
            finally:
                with self._lock:
                    self._reading.pop(key, None)
            self._keep(key, review, self._clock() - began)
            return review

    def _keep(self, key: Hashable, review: T, took: float) -> None:
        """Keep a report whose reading took so many seconds, unless that was quick."""
        if took < QUICK_SECONDS:
            return
        with self._lock:
            self._kept[key] = (self._clock() + min(LONGEST_SECONDS, TIMES * took), review)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)

    def _of(self, key: Hashable) -> T | None:
        """Return a kept report that is not too old."""
        with self._lock:
            until, review = self._kept.get(key, (0.0, None))
            if review is None or self._clock() >= until:
                self._kept.pop(key, None)
                return None
            self._kept.move_to_end(key)
            self._reading.pop(key, None)
            return review
