"""The view from which a story is told: when, in which zone and language, under which policy. Decides nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.explain import words
from workers.domain.explain.engine_words import in_words_of
from workers.domain.explain.names import inside, name_in
from workers.domain.explain.phrases import ENGLISH
from workers.domain.explain.story import Story
from workers.domain.mail.translations import Catalog
from workers.domain.policy import Policy
from workers.domain.sending_state import ON, SendingState

Entry = dict[str, object]


@dataclass(frozen=True, slots=True)
class Outlook:
    """Whether mails go out (and today's are used up), and in whose language it is told."""

    sending: SendingState = ON
    day_is_full: bool = False
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
    def sending(self) -> SendingState:
        """Return whether mails go out."""
        return self.outlook.sending

    def say(self, id: str, /, **values: object) -> str:
        """Return one text of explain."""
        return words.say(id, self.outlook.catalog, **values)

    def there_is(self, id: str) -> bool:
        """Tell whether explain has such a text."""
        return words.there_is(id, self.outlook.catalog)

    def lead(self, state: StrEnum) -> str:
        """Return the first words of a sentence about a state."""
        return words.lead(state, self.outlook.catalog)

    def why(self, lead: str, why: str) -> str:
        """Return a sentence: where something stands, and why."""
        return words.sentence(self.say("why", lead=lead, why=why))

    def clause(self, reason: str, places: Mapping[str, str] | None = None, *, over: bool = False) -> str:
        """Return a reason as a clause, `over` as of when it was decided for good; a row without one says so."""
        if not reason:
            return self.say("no-reason")
        return words.clause(reason, places or {}, self.outlook.catalog, over=over)

    def cause(self, event: str) -> str:
        """Return what a contrary event means."""
        return words.cause(event, self.outlook.catalog)

    def held_by(self, event: str, *, ended: bool | None = None) -> str:
        """Return what a hold waits for."""
        return words.held_by(event, self.outlook.catalog, ended=ended)

    def together(self, clauses: Iterable[str], id: str = "and-then") -> str:
        """Return clauses as one."""
        return words.together(clauses, self.outlook.catalog, id)

    def name(self, id: str) -> str:
        """Return what a touchpoint, a mail, a trigger or a next step is called."""
        return inside(name_in(id, self.outlook.catalog))

    def day(self, at: datetime) -> str:
        """Return a date as a person says it."""
        return words.day(at, self.policy.zone, self.now, self.outlook.catalog)

    def moment(self, at: datetime) -> str:
        """Return date and time as a person says them."""
        return words.moment(at, self.policy.zone, self.now, self.outlook.catalog)

    def private(self, text: str) -> str:
        """Return personal text, or nothing once the person was erased."""
        return "" if self.story.erased else text

    def translated(self, text: str) -> str:
        """Return a sentence of the engine in the reader's language; other people's words are marked."""
        return in_words_of(text, self.outlook.catalog).rstrip(".")

    def stalled(self, step: str = "") -> list[str]:
        """Return why nothing goes out at the moment, as clauses; empty when it does."""
        clauses = [self.say("reason.paused")] if step and step in self.sending.paused else []
        if self.sending.state != "on":
            clauses.append(self.say(f"sending.{self.sending.state}", why=self.translated(self.sending.reason)))
        elif self.outlook.day_is_full:
            clauses.append(self.say("day-is-full"))
        return clauses


def iso(at: datetime | None) -> str | None:
    """Return an instant as ISO 8601 in UTC, or None."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None
