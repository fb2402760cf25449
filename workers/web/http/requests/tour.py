"""What a demo shows beside everything else: its clock, the story of one customer, and whom a visitor may play.

Only shapes: the demo fills them. An installation that serves customers has no tour, and none of its pages know one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

PRIVACY = "/try/privacy"
"""The page that stands where a company has its own about people's data."""
TRY_PREFIX = "try-"
"""How the CRM ids of those begin who try the demo themselves."""


@dataclass(frozen=True, slots=True)
class Followed:
    """One customer of the demo from the question to the better score; mails by their id in the mailbox."""

    id: str
    name: str
    language: str
    segment: str
    about: str
    asked_at: datetime
    asked_mail: str
    answered_at: datetime
    score: int
    comment: str
    ticket: int
    agent: str
    called_after: timedelta
    outcome: str
    done_mail: str
    done_at: datetime
    again_at: datetime
    again_score: int
    again_mail: str


@dataclass(frozen=True, slots=True)
class Span:
    """An NPS of a part of the year, as it may be shown: below five answers there is none."""

    since: str
    until: str
    nps: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Dip:
    """What the year shows from above: one segment before, while and after something went wrong, and the others."""

    segment: str
    touchpoint: str
    before: Span
    during: Span
    after: Span
    elsewhere: Span
    passives: int
    theme: str
    theme_number: int
    people_told: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Somebody who answered: their CRM id, name and language, the score, and what they wrote."""

    id: str
    name: str
    language: str
    score: int
    words: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Who was asked elsewhere than by mail: by SMS, on the shop's site; how many replies wait to be read, how many
    answered at a place without being asked, and how many accounts there are."""

    by_sms: Answered | None
    to_read: int
    on_site: Answered | None
    at_places: int = 0
    accounts: int = 0


@dataclass(frozen=True, slots=True)
class Story:
    """What the start page of a demo tells."""

    followed: Followed | None
    dip: Dip | None
    elsewhere: Elsewhere | None = None


class Tour(Protocol):
    """What a demo offers to its pages; a Protocol, as the demo that fills it stands above the web."""

    @property
    def token(self) -> str:
        """Return what each of the demo's own forms carries: another site can neither read nor make it."""

    def story(self) -> Story:
        """Return what the start page tells of this demo's data, parts of it None where the data has no such case."""

    def advance(self, by: timedelta) -> None:
        """Move the demo's time on and do what comes due meanwhile, in its order."""
