"""The view from which a story is told: when, in which zone and language, under which policy. Decides nothing."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.explain.phrases import ENGLISH
from workers.domain.explain.story import Story
from workers.domain.explain.wording import Wording
from workers.domain.mail.translations import Catalog
from workers.domain.policy import Policy
from workers.domain.records import Touchpoint
from workers.domain.sending_state import ON, SendingState
from workers.domain.survey.support_room import SupportRoom, may_still_wait

Entry = dict[str, object]


@dataclass(frozen=True, slots=True)
class Outlook:
    """Whether mails go out (and today's are used up), and in whose language it is told."""

    sending: SendingState = ON
    day_is_full: bool = False
    support: SupportRoom | None = None
    """The room that support has; None where no question waits for it."""
    catalog: Catalog = ENGLISH


@dataclass(frozen=True, slots=True)
class View:
    """A story, the instant it is, what the operator decided, whether mails go out, and in which language it is told."""

    story: Story
    now: datetime
    policy: Policy
    outlook: Outlook = field(default_factory=Outlook)

    @property
    def zone(self) -> str:
        """Return the customer's zone, in which they are asked; what is told is told in the brand's."""
        return self.story.customer.time_zone or self.policy.zone

    def case(self, at: datetime | None = None) -> CustomerCase:
        """Return the customer as planning and asking would see them at an instant: now, unless another is given."""
        case = CustomerCase(self.story.customer, UnitOfWork(self.policy, at or self.now), self.story.rows())
        case.suppressed, case.asked_elsewhere = self.story.suppressed, self.story.asked_elsewhere
        return case

    @property
    def words(self) -> Wording:
        """How it is told: in the outlook's language, with dates in the brand's zone."""
        return Wording(self.outlook.catalog, self.policy.zone, self.now)

    @property
    def sending(self) -> SendingState:
        """Whether mails go out, and which touchpoints are paused."""
        return self.outlook.sending

    def waits_for_support(self, touchpoint: Touchpoint) -> bool:
        """Tell whether a question that is due is not asked because support has no room."""
        room = self.outlook.support
        if room is None or room.questions:
            return False
        return may_still_wait(touchpoint, self.policy.plan.may_wait, self.now)

    def private(self, text: str) -> str:
        """Return personal text, or nothing once the person was erased."""
        return "" if self.story.erased else text

    def stalled(self, step: str = "") -> list[str]:
        """Return why nothing goes out at the moment, as clauses; empty when it does."""
        clauses = [self.words.say("reason.paused")] if step and step in self.sending.paused else []
        if self.sending.state != "on":
            clauses.append(
                self.words.say(f"sending.{self.sending.state}", why=self.words.translated(self.sending.reason))
            )
        elif self.outlook.day_is_full:
            clauses.append(self.words.say("day-is-full"))
        return clauses


def iso(at: datetime | None) -> str | None:
    """Return an instant as ISO 8601 in UTC with a Z, as scripts read it, or None."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None
