"""Patience with wrong passwords: after some failures no further guess is looked at for a while.

Only failures count, so that a team behind one address signs in as often as it likes. Held in this process's memory.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

MINUTES = 5
PER_NAME_AND_NETWORK = 8
PER_NETWORK = 40
PER_NAME = 200
"""Failures within MINUTES. The last is high: whoever guesses from many networks must not lock a person out."""
KEPT = 20_000


class Patience:
    """Counts failures by key within the last minutes."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def is_over(self, name: str, network: str) -> bool:
        """Tell whether there were too many failures to look at another guess."""
        return any(self._count(key) >= most for key, most in limits(name, network))

    def failed(self, name: str, network: str) -> None:
        """Count one failure."""
        for key, most in limits(name, network):
            times = self._failures.pop(key, deque())
            times.append(self._ticks())
            while len(times) > most:
                times.popleft()
            self._failures[key] = times
        while len(self._failures) > KEPT:
            self._failures.popitem(last=False)

    def _count(self, key: str) -> int:
        since = self._ticks() - MINUTES * 60
        return sum(at > since for at in self._failures.get(key, ()))


def limits(name: str, network: str) -> tuple[tuple[str, int], ...]:
    """Return the keys that a guess counts for, each with its limit."""
    name = " ".join(name.split()).casefold()
    return (
        (f"both {name} {network}", PER_NAME_AND_NETWORK),
        (f"network {network}", PER_NETWORK),
        (f"name {name}", PER_NAME),
    )
