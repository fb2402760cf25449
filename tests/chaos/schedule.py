"""The schedule of a chaos run: what happens in each round, by seed; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

ROUNDS_A_WAVE = 15
"""Rounds between two moments at which everything must be quiet and right."""
LONG_SECONDS = 13.0
"""Faults that `boucle status` must name last that long; it is asked when they have lasted ten."""
SHORTEST_SECONDS, LONGEST_SECONDS = 0.2, 1.6


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what, for how long; `k` is after how many bytes a line is cut, or another number that it needs."""

    name: str
    seconds: float
    k: int

    def text(self) -> str:
        """Return it for a reader."""
        return f"{self.name} for {self.seconds:.1f} s (k={self.k})"


@dataclass(frozen=True, slots=True)
class Round:
    """One round: who comes, and what breaks meanwhile."""

    number: int
    people_seed: int
    pause: float
    fault: Fault
    is_long: bool


def plan(
    seed: int, rounds: int, weights: Mapping[str, int], long_faults: Sequence[str], long_every: int
) -> list[Round]:
    """Return the rounds of a run. Every kind of fault comes once before one comes twice as often as its weight."""
    chance = Random(seed)
    bag: list[str] = []
    planned = []
    for number in range(rounds):
        if not bag:
            bag = [name for name, weight in weights.items() for _ in range(weight)]
            chance.shuffle(bag)
        is_long = bool(long_faults) and number % long_every == long_every // 2
        name = long_faults[number // long_every % len(long_faults)] if is_long else bag.pop()
        seconds = LONG_SECONDS if is_long else chance.uniform(SHORTEST_SECONDS, LONGEST_SECONDS)
        fault = Fault(name, round(seconds, 2), chance.choice((0, 7, 60, 300, 900, 2500, 8000)))
        planned.append(Round(number, chance.getrandbits(32), chance.uniform(0, 0.3), fault, is_long))
    return planned


def waves(rounds: Sequence[Round], size: int = ROUNDS_A_WAVE) -> list[Sequence[Round]]:
    """Cut a schedule into waves."""
    return [rounds[start : start + size] for start in range(0, len(rounds), size)]
