"""The view from which a story is told: at which instant, in which zone, under which policy. Decides nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime

from workers.explaining import words
from workers.explaining.story import ON, Outgoing, Story
from workers.planning import zone_of
from workers.policy import Policy

Entry = dict[str, object]


@dataclass(frozen=True, slots=True)
class View:
    """A story, the instant it is, what the operator decided, and whether mails go out (and today's are used up)."""

    story: Story
    now: datetime
    policy: Policy
    sending: Outgoing = ON
    day_is_full: bool = False

    @property
    def zone(self) -> str:
        """Return the customer's zone, in which they are asked; what is told is told in the brand's."""
        return zone_of(self.story.customer, self.policy)

    def day(self, at: datetime) -> str:
        """Return a date as a person says it."""
        return words.day(at, self.policy.zone, self.now)

    def moment(self, at: datetime) -> str:
        """Return date and time as a person says them."""
        return words.moment(at, self.policy.zone, self.now)

    def private(self, text: str) -> str:
        """Return personal text, or nothing once the person was erased."""
        return "" if self.story.erased else text

    def stalled(self, step: str = "") -> list[str]:
        """Return why nothing goes out at the moment, as clauses; empty when it does."""
        found = ["this touchpoint is paused"] if step and step in self.sending.paused else []
        if self.sending.state != "on":
            why = f" ({self.sending.reason})" if self.sending.reason else ""
            found.append(f"sending is {self.sending.state}{why}")
        elif self.day_is_full:
            found.append("the daily maximum of mails is reached")
        return found


def iso(at: datetime | None) -> str | None:
    """Return an instant as ISO 8601 in UTC, or None."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None
