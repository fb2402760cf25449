"""Rates: how many requests a minute one client may make at each kind of door, counted by all web roles together.

The rule (a fixed window) is the library's; it counts in this process first, so that a flood ends there, and then in the
database, where several web roles may share one. Counts are guards, never figures: they are lost without harm.
"""

import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from enum import StrEnum

import anyio
from limits import RateLimitItemPerMinute
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from workers.errors import BoucleError
from workers.store.connection import SQLAlchemyError
from workers.store.engine import Store
from workers.store.sign_in import rates

log = logging.getLogger(__name__)
SECONDS = 60
KEPT = 50_000  # keys remembered; the oldest window goes first, so that a flood cannot fill the memory
THREADS = 4
"""Counts in the database that are under way at once, in threads that nobody else uses up."""
FORGET_SECONDS = 300.0


class Bucket(StrEnum):
    """The kinds of doors, each counted by itself: a flood at one closes no other."""

    LINK = "link"
    """One valid link, from one network: nobody else's requests count against it."""
    ANSWER = "answer"
    """Links of answers that are no valid ones."""
    UNSUBSCRIBE = "unsubscribe"
    """Links of opt-outs that are no valid ones."""
    SIGN_IN = "sign-in"
    WEB = "web"
    """Questions on the company's own pages."""
    EVENTS = "events"
    """Events without a valid key."""


class MemoryCounts(Storage):
    """Counts in this process, for the library's rule; the clock is given."""

    STORAGE_SCHEME = None

    def __init__(self, ticks: Callable[[], float]) -> None:
        super().__init__()
        self._ticks = ticks
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return what may go wrong: nothing does."""
        return MemoryError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to the count of a key, which starts anew `expiry` seconds after its first hit."""
        now = self._ticks()
        ends, hits = self._windows.pop(key, (now + expiry, 0))
        if ends <= now:
            ends, hits = now + expiry, 0
        self._windows[key] = (ends, hits + amount)
        while len(self._windows) > KEPT:
            self._windows.popitem(last=False)
        return hits + amount

    def get(self, key: str) -> int:
        ends, hits = self._windows.get(key, (0.0, 0))
        return hits if ends > self._ticks() else 0

    def get_expiry(self, key: str) -> float:
        """Return when the count of a key starts anew, in seconds of `ticks`."""
        return self._windows.get(key, (self._ticks(), 0))[0]

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        """Forget every count, and return of how many keys."""
        forgotten = len(self._windows)
        self._windows.clear()
        return forgotten

    def clear(self, key: str) -> None:
        self._windows.pop(key, None)


class DatabaseCounts(Storage):
    """Counts in the database, for the library's rule. Keys hold addresses: only their hash is stored."""

    STORAGE_SCHEME = None

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """Return what says that the database is away, or older than this table."""
        return (SQLAlchemyError, BoucleError)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to the count of a key and return it; it starts anew `expiry` seconds after its first hit."""
        return self._store.write(lambda connection: rates.add_hits(connection, hashed(key), expiry, amount))

    def get(self, key: str) -> int:
        with self._store.reading() as connection:
            return rates.read_hits(connection, hashed(key))[0]

    def get_expiry(self, key: str) -> float:
        """Return when the count of a key starts anew, in seconds since 1970."""
        with self._store.reading() as connection:
            ends_at = rates.read_hits(connection, hashed(key))[1]
        return ends_at.timestamp() if ends_at else 0.0

    def check(self) -> bool:
        """Return True, or raise one of `base_exceptions` while the database is away."""
        self._store.database_now()
        return True

    def reset(self) -> int:
        """Forget what counts no longer."""
        return self._store.write(rates.forget_ended)

    def clear(self, key: str) -> None:
        self._store.write(lambda connection: rates.forget_hits(connection, hashed(key)))


class Rates:
    """Allows each client `per_minute` requests at each kind of door; 0 allows everything."""

    def __init__(
        self, per_minute: int, shared: Store | None = None, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._allowance = RateLimitItemPerMinute(per_minute) if per_minute else None
        self._here = FixedWindowRateLimiter(MemoryCounts(ticks))
        self._counts = DatabaseCounts(shared) if shared is not None else None
        self._everywhere = FixedWindowRateLimiter(self._counts) if self._counts else None
        self._threads: anyio.CapacityLimiter | None = None
        self._ticks = ticks
        self._forgot_at = ticks()

    async def allows(self, bucket: Bucket, who: str) -> bool:
        """Take one from the allowance of a client; False when there is none left."""
        if self._allowance is None:
            return True
        if not self._here.hit(self._allowance, bucket, who):
            return False
        if self._everywhere is None:
            return True
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(THREADS)
        return await anyio.to_thread.run_sync(self._allowed_everywhere, bucket, who, limiter=self._threads)

    def _allowed_everywhere(self, bucket: Bucket, who: str) -> bool:
        """Ask the database; while it is away, what this process counts is enough."""
        assert self._allowance is not None
        assert self._everywhere is not None
        assert self._counts is not None
        try:
            if self._ticks() - self._forgot_at > FORGET_SECONDS:
                self._forgot_at = self._ticks()
                self._counts.reset()
            return self._everywhere.hit(self._allowance, bucket, who)
        except (SQLAlchemyError, BoucleError) as error:
            log.warning(
                "Requests are counted by this process alone (%s).", type(error).__name__, extra={"action": "web.rates"}
            )
            return True


def hashed(key: str) -> str:
    """Return the SHA-256 of a key: it holds an address, which is not to be stored."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]
