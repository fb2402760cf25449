"""Patience with guesses: few are verified at a time, and those beyond a limit not at all.

Verifying a password takes 64 MiB and a good part of a core, so it has threads of its own: whatever comes at once, three
run, some wait, and the rest is told to wait. attempts.py counts, before anything is verified.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from workers.usecases.sign_in.attempts import Attempts, Guess
from workers.web.http.requests.threads import run_in_threadpool

T = TypeVar("T")
AT_ONCE = 3
"""Verifications that run: 192 MiB for a process."""
WAITING, WAITING_PER_NETWORK = 100, 20
"""Guesses that wait for their turn: a team that signs in at nine o'clock fits in."""


@dataclass(frozen=True, slots=True)
class Tried(Generic[T]):
    """What a guess led to; `looked_at` is False where there were too many."""

    right: T | None
    looked_at: bool = True


class Patience:
    """Lets guesses be verified, a few at a time."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        self._waiting: Counter[str] = Counter()

    async def guess(self, guess: Guess, name: str, network: str, verify: Callable[[], T | None]) -> Tried[T]:
        """Verify a guess unless there were too many; `verify` returns None for a wrong one."""

        def look() -> Tried[T]:
            counted = self._attempts.reserve(guess, name, network)
            if counted is None:
                return Tried(None, looked_at=False)
            right = verify()
            if right is not None:
                self._attempts.release(counted)
            return Tried(right)

        if self._waiting[network] >= WAITING_PER_NETWORK or self._waiting.total() >= WAITING:
            return Tried(None, looked_at=False)
        with self._turn(network):  # counted before the first await: what comes at once sees the others
            if await run_in_threadpool(self._attempts.is_over, guess, name, network):
                return Tried(None, looked_at=False)
            return await self._run(look)

    async def in_turn(self, network: str, work: Callable[[], T]) -> T:
        """Do what costs as much as verifying a password, when its turn comes."""
        with self._turn(network):
            return await self._run(work)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @contextmanager
    def _turn(self, network: str) -> Iterator[None]:
        self._waiting[network] += 1
        try:
            yield
        finally:
            self._waiting[network] -= 1
            if not self._waiting[network]:
                del self._waiting[network]
