"""Holidays of the lamp shop's agents: who is away gets no tickets and calls nobody, and questions that may wait do.

The others call one customer a day each beside everything else, so that in those weeks there is room for few questions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from workers.app import Boucle
from workers.demo import shop
from workers.demo.shop import PARIS
from workers.usecases.sign_in.accounts import Accounts

AGENTS = ("claire", "nadia", "tom")


@dataclass(frozen=True, slots=True)
class Absence:
    """From when until when somebody is away."""

    agent: str
    begins: datetime
    ends: datetime


SUMMER = datetime(2025, 8, 4, 8, 0, tzinfo=PARIS), datetime(2025, 8, 25, 8, 0, tzinfo=PARIS)
TURN_OF_THE_YEAR = datetime(2025, 12, 22, 8, 0, tzinfo=PARIS), datetime(2026, 1, 5, 8, 0, tzinfo=PARIS)
ABSENCES = (
    *(Absence(agent, *weeks) for weeks in (SUMMER, TURN_OF_THE_YEAR) for agent in ("nadia", "tom")),
    Absence("nadia", shop.END - timedelta(days=8, hours=2), shop.END + timedelta(days=3)),
    Absence("tom", shop.END - timedelta(days=1, hours=2), shop.END + timedelta(days=6)),
)
"""The summer, the turn of the year, when parcels in the North are late, and the week in which the demo ends."""


def plan_absences(parts: Boucle, plan: Callable[[datetime, str, Callable[[], object]], None]) -> None:
    """Plan that each of them says when they are away; who is back needs to say nothing."""
    accounts = Accounts(parts.store, parts.now)
    for absence in ABSENCES:
        plan(absence.begins, f"away/{absence.agent}", say_away(accounts, absence))


def say_away(accounts: Accounts, absence: Absence) -> Callable[[], None]:
    """Return the act by which an agent is away until they come back."""
    return lambda: accounts.set_away(absence.agent, absence.ends, by=absence.agent)


def agents_there(at: datetime) -> tuple[str, ...]:
    """Return who works at an instant; never nobody."""
    away = {absence.agent for absence in ABSENCES if absence.begins <= at < absence.ends}
    return tuple(agent for agent in AGENTS if agent not in away)
