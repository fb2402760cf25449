"""What the report says of accounts: the mean of each account first, then the NPS over accounts, so that a company with
thirty people counts as one. Pure: from counted rows.

A person's latest answer at a touchpoint counts. The mean of an account's scores has a band as a score has: from 9 on
promoter, below 7 detractor. A detractor who decides is a mark in the list, not arithmetic.
"""

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from workers.domain.reporting.model import Figures, Reading
from workers.domain.reporting.nps import Counts

ROLE = "role"
"""The declared attribute that says what somebody is to their account: decides, uses, pays."""


@dataclass(frozen=True, slots=True)
class TouchpointScores:
    """Accounts by the band of their mean at one touchpoint; `split` of them hold a promoter and a detractor."""

    touchpoint: str
    counts: Counts
    split: int
    respondents: int

    @property
    def reading(self) -> Reading:
        """Return the NPS over accounts as it may be shown, by how many accounts there are."""
        return Reading.of(Figures(self.counts.promoters, self.counts.passives, self.counts.detractors))


@dataclass(frozen=True, slots=True)
class Revenue:
    """What accounts are worth by one of their attributes, and how much of it was asked and answered.

    Of several people of an account who say different values the highest counts; less than nothing counts as unknown.
    """

    attribute: str
    total: float
    asked: float
    answered: float
    unknown: int
    """Accounts of which no value is known: they are in none of the sums."""

    @property
    def share(self) -> float | None:
        """Return the share of what is known that answered; None where nothing is known."""
        return self.answered / self.total if self.total else None


def revenue_of(
    attribute: str, worth: Mapping[str, float | None], asked: Container[str], heard: Container[str]
) -> Revenue:
    """Return what accounts are worth, None for what is unknown, and how much of it is of those asked and heard."""
    known = {key: value for key, value in worth.items() if value is not None}
    return Revenue(
        attribute,
        total=math.fsum(known.values()),
        asked=math.fsum(value for key, value in known.items() if key in asked),
        answered=math.fsum(value for key, value in known.items() if key in heard),
        unknown=len(worth) - len(known),
    )


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many accounts and people there are, and how many of them answered; the NPS over accounts by touchpoint."""

    accounts: int
    people: int
    accounts_asked: int
    people_asked: int
    accounts_answered: int
    people_answered: int
    touchpoints: tuple[TouchpointScores, ...]
    revenue: Revenue | None = None
    """What the accounts are worth; None where no attribute says it."""

    @property
    def share(self) -> float | None:
        """Return the share of accounts with at least one answer; None without an account."""
        return self.accounts_answered / self.accounts if self.accounts else None


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account of the list: its people, who of them answered, the spread of their latest scores."""

    key: str
    name: str
    owners: tuple[str, ...]
    people: int
    answered: int
    lowest: int | None
    highest: int | None
    last_answer: datetime | None
    unhappy_roles: tuple[str, ...]
    """Roles of those whose latest score is a detractor's."""


@dataclass(frozen=True, slots=True)
class SilentAccount:
    """An account that did not answer its last two askings, and of which nothing was heard since."""

    key: str
    name: str
    owners: tuple[str, ...]
    people: int
    asked_at: datetime
    heard_at: datetime | None
    """The last that happened to any of its people, an answer included; None for nothing that is known."""
    closed_at: datetime
    """When the last question that it did not answer was over."""

    def silent_since(self, quiet_for: timedelta) -> datetime:
        """Return since when it is silent: its question was over, and for so long nothing was heard of it."""
        return max(self.closed_at, self.heard_at + quiet_for) if self.heard_at else self.closed_at


@dataclass(frozen=True, slots=True)
class AccountPerson:
    """One person of an account: their role, when they were asked last, what they answered last, their open ticket."""

    customer: str
    name: str
    role: str
    owner: str
    asked_at: datetime | None
    score: int | None
    answered_at: datetime | None
    ticket: int | None
