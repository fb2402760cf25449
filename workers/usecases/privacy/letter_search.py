"""Looking dead letters through for people who were erased: in short steps, apart from what takes events in.

The erasure left a row that says whom to look for; it stands until every letter was looked at, whatever ends a process
in between. A step reads and compares outside of any transaction that writes, and then writes what it found.
"""

import math
import time
from collections.abc import Callable
from datetime import datetime

from workers.domain.policy import Policy
from workers.store.connection import Connection
from workers.store.customer import dead_letters, letter_searches
from workers.store.engine import Store


class LetterSearch:
    """Carries on the searches that erasures have asked for; several may run at once."""

    def __init__(self, store: Store, policy: Callable[[], Policy], now: Callable[[], datetime]) -> None:
        self._store = store
        self._policy = policy
        self._now = now

    def search_all(self, seconds: float = math.inf) -> int:
        """Go on until nobody is to be looked for, or for some seconds; return how many steps it took."""
        end, steps = time.monotonic() + seconds, 0
        while self.step():
            steps += 1
            if time.monotonic() > end:
                break
        return steps

    def search_for(self, person: str) -> None:
        """Look all letters through for one person, of whom this is our key."""
        while self.step(person):
            pass

    def step(self, person: str | None = None) -> bool:
        """Look at the next letters; False when nobody is to be looked for."""
        with self._store.reading() as connection:
            searches = letter_searches.next_searches(connection, self._policy().ids, person)
            if not searches:
                return False
            look = dead_letters.look(connection, [search.whom for search in searches], searches[0].after)
        self._store.write(lambda connection: letter_searches.take_step(connection, searches, look, self._now()))
        return True

    def forget_at_once(self, whom: dead_letters.Sought) -> int:
        """Take all letters of somebody whom no search waits for; return how many. Safe to run again."""
        after, gone = None, 0
        while True:
            with self._store.reading() as connection:
                look = dead_letters.look(connection, [whom], after)

            def take(connection: Connection, look: dead_letters.Look = look) -> int:
                return sum(dead_letters.forget_named(connection, look.named, 1))

            gone += self._store.write(take) if look.named else 0
            if look.last is None:
                return gone
            after = look.last
