"""The weekly digest of somebody of the team: what became of their customers since a week ago, and when it is due.

Pure: from values. An agent reads of their own customers and tickets, a lead of everybody's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from workers.calendar import in_zone, instant_of, zone_info
from workers.domain.reporting.model import Reading, rounded

TEMPLATE = "digest"
AT = time(8)
"""On Mondays, in the zone of whoever reads it."""
OF_DAYS = timedelta(days=7)
SCORES_OF = timedelta(weeks=4)
STILL_SENT_FOR = timedelta(days=2)
"""Later than that nobody wants a digest of last week: it is left out."""
COMMENTS_SHOWN, ACCOUNTS_SHOWN, TOUCHPOINTS_SHOWN = 3, 5, 5


@dataclass(frozen=True, slots=True)
class Comment:
    """What a customer wrote, with the score out of the highest, and the day in the reader's zone."""

    day: date
    score: int
    highest: int
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that was done: an initiative by its name, or a ticket by its number, with the sentence of its end."""

    text: str
    ticket: int | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """How many accounts are silent, how many of them since less than a week, and some names, the newest first."""

    n: int = 0
    new: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Digest:
    """What one person reads on a Monday: counts of tickets, the NPS by touchpoint, comments, silent accounts."""

    since: datetime
    until: datetime
    opened: int
    """Tickets of the week that are still open."""
    overdue: int
    won_back: int
    """Customers who were asked again after their ticket, and whose band rose."""
    answers: int
    scores: Mapping[str, Reading]
    """By touchpoint, of four weeks, those with the most answers first."""
    comments: tuple[Comment, ...]
    silence: Silence
    done: Done | None

    @property
    def happened(self) -> bool:
        """Tell whether there is something to read; an account that was silent a week ago already is nothing new."""
        return bool(
            self.opened
            or self.overdue
            or self.won_back
            or self.answers
            or self.comments
            or self.silence.new
            or self.done
        )

    def facts(self, zone: str) -> dict[str, object]:
        """Return what the mail says of it; instants become days of a zone."""
        return {
            "opened": self.opened,
            "overdue": self.overdue,
            "won_back": self.won_back,
            "digest": {
                "until": in_zone(self.until, zone).date().isoformat(),
                "scores": [
                    {
                        "touchpoint": touchpoint,
                        "n": reading.n,
                        "nps": rounded(reading.nps),
                        "low": rounded(reading.low),
                        "high": rounded(reading.high),
                    }
                    for touchpoint, reading in self.scores.items()
                ],
                "comments": [
                    {
                        "date": comment.day.isoformat(),
                        "score": comment.score,
                        "highest": comment.highest,
                        "text": comment.text,
                    }
                    for comment in self.comments
                ],
                "silent": {"n": self.silence.n, "new": self.silence.new, "names": list(self.silence.names)},
                "done": {"text": self.done.text, "ticket": self.done.ticket} if self.done else None,
            },
        }


def due_at(now: datetime, zone: str) -> datetime:
    """Return when the last digest was due: 8:00 on the Monday of a zone's week, or a week before if that is to come."""
    here = in_zone(now, zone)
    monday = here.date() - timedelta(days=here.weekday())
    due = instant_of(datetime.combine(monday, AT), zone_info(zone))
    return due if due <= now else instant_of(datetime.combine(monday - timedelta(weeks=1), AT), zone_info(zone))
