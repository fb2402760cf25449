"""Attempts: how many guesses at passwords and codes are looked at, counted in the database for all processes together.

A guess is counted before it is looked at, and taken back when it was right: of any number at once no more than the
limit are looked at. A team that signs in often behind one address has no failures and is never slowed down.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.sign_in import accounts
from workers.store.sign_in.accounts import Guesses


class Guess(StrEnum):
    """What is guessed at; the words are values of a column."""

    PASSWORD = "password"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Limit:
    """Failures within a time: under one name from one network, from one network, under one name."""

    within: timedelta
    pair: int
    network: int
    name: int

    def reached(self, guesses: Guesses) -> bool:
        """Tell whether a limit is reached: of this name from this network, of the network, or of the name."""
        return guesses.pair >= self.pair or guesses.network >= self.network or guesses.name >= self.name


LIMITS = {
    Guess.PASSWORD: Limit(timedelta(minutes=5), pair=8, network=40, name=200),
    Guess.CODE: Limit(timedelta(minutes=15), pair=5, network=40, name=10),
}
"""Under a name, passwords have a high limit: whoever guesses from many networks must not lock a person out. Whoever
guesses codes knows the password already; three of a million codes are good at a time, so ten in a quarter of an hour
find one in a year."""
KEEP = max(limit.within for limit in LIMITS.values())


class Attempts:
    """Counts guesses. The database's own time decides, so that moving business time neither frees nor locks anybody."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def is_over(self, guess: Guess, name: str, network: str) -> bool:
        """Tell whether a guess would not be looked at; counts nothing."""
        with self._store.reading() as connection:
            return self._reached(connection, guess, hashed(name), hashed(network))

    def reserve(self, guess: Guess, name: str, network: str) -> int | None:
        """Count a guess that is about to be looked at and return its id; None when there were too many already."""

        def work(connection: Connection) -> int | None:
            accounts.lock_guesses(connection)
            if self._reached(connection, guess, hashed(name), hashed(network)):
                return None
            return accounts.put_guess(connection, guess, hashed(name), hashed(network), KEEP)

        return self._store.write(work)

    def release(self, id: int) -> None:
        """Take a counted guess back, because it was right."""
        self._store.write(lambda connection: accounts.remove_guess(connection, id))

    @staticmethod
    def _reached(connection: Connection, guess: Guess, name: str, network: str) -> bool:
        limit = LIMITS[guess]
        return limit.reached(accounts.count_guesses(connection, guess, name, network, limit.within))


def hashed(text: str) -> str:
    """Return what is kept of a name or network: what was typed as a name may be a password."""
    return hashlib.sha256(" ".join(text.split()).casefold().encode()).hexdigest()
