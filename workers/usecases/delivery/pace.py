"""The pace of mails: places in the rate that all senders share, taken for a second at a time and used one by one."""

import asyncio
from collections.abc import Callable


class Pace:
    """Gives places; `reserve` takes a number of them from the shared rate and says in how many seconds the first comes.

    Without a rate there is always a place. A place that is not used is lost: at most those of a second.
    """

    def __init__(self, per_second: float, reserve: Callable[[int], float]) -> None:
        self._per_second = per_second
        self._reserve = reserve
        self._first_at = 0.0
        self._reserved = self._used = 0

    async def places(self, wanted: int, waiting: int) -> int:
        """Return how many of the wanted places there are now, `waiting` mails in all. Raises NotNow."""
        if not self._per_second:
            return wanted
        loop = asyncio.get_running_loop()
        if self._used == self._reserved:
            count = max(1, min(waiting, int(self._per_second)))
            wait = await asyncio.to_thread(self._reserve, count)
            self._first_at, self._reserved, self._used = loop.time() + wait, count, 0
        passed = loop.time() - self._first_at
        come = int(passed * self._per_second) + 1 if passed >= 0 else 0
        return min(wanted, min(come, self._reserved) - self._used)

    def use(self, count: int) -> None:
        """Use places that there are."""
        if self._per_second:
            self._used += count

    def pause(self) -> float | None:
        """Return in how many seconds the next place comes; None without a rate."""
        if not self._per_second:
            return None
        following = self._first_at + self._used / self._per_second
        return max(0.0, following - asyncio.get_running_loop().time())
