"""Policy: what the operator decided, in the form the core uses: tables, calendar, window, zone, times.

Built once at start (and again when a table changes) by wiring; nothing here reads a file.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

from workers.calendar import Calendar, SendWindow, Wait
from workers.decision_table.model.rest_period import Rest
from workers.domain.attributes import Attributes
from workers.domain.compiled_tables.follow_up import FollowUpTable
from workers.domain.compiled_tables.journey_plan import JourneyPlan
from workers.domain.drivers import Drivers
from workers.domain.mail.deliverability import DeadRule, KeepRule, RefusalRule
from workers.domain.mail.links import Links
from workers.domain.mail.survey_duties import SurveyDuties
from workers.domain.places.listed import Place
from workers.domain.types import Effect, Ids, MailClass, QuestionKind
from workers.domain.web_sites import WebSite
from workers.text.mail_addresses import mailbox


@dataclass(frozen=True, slots=True)
class ContraryRule:
    """What a contrary event does, and what ends it."""

    events: frozenset[str]
    effect: str
    scope: str
    until: frozenset[str]
    until_wait: Wait
    at_most: Wait | None = None


@dataclass(frozen=True, slots=True)
class WaveDay:
    """A day of the operator's list on which everybody is asked; past `until` it would ask nobody any more."""

    id: str
    label: str
    at: datetime
    until: datetime


@dataclass(frozen=True)
class Policy:
    """Everything the operator decided. Without slots: what follows from it alone is worked out once, and kept."""

    ids: Ids
    plan: JourneyPlan
    contrary: tuple[ContraryRule, ...]
    rest: Rest
    follow_up: FollowUpTable
    calendar: Calendar
    window: SendWindow
    holidays: Container[date]
    zone: str
    language: str
    languages: frozenset[str]
    settling: timedelta
    agents_address: str
    webhook: bool
    mail_classes: Mapping[str, MailClass]
    links: Links
    root_causes: Mapping[str, tuple[str, ...]]
    waves: tuple[WaveDay, ...] = ()
    triggers: frozenset[str] = frozenset()
    """What a score may be about, besides the journeys that events begin: the triggers of both tables."""
    refusals: RefusalRule = field(default_factory=RefusalRule)
    dead: DeadRule = field(default_factory=DeadRule)
    shared_mailboxes: frozenset[str] = frozenset()
    keep: KeepRule = field(default_factory=KeepRule)
    attributes: Attributes = field(default_factory=dict)
    """What the CRM may say of a customer beyond the profile, by name."""
    sites: Mapping[str, WebSite] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    drivers: Drivers = field(default_factory=dict)
    """What customers may name as the reason for their score, by code."""
    duties: SurveyDuties = field(default_factory=dict)
    """What the law asks for before somebody is asked, by country; none: nothing."""
    country: str = ""
    """Where customers live of whom nobody told it; empty: nobody knows."""
    wording: Callable[[str, QuestionKind], str | None] = lambda language, kind: None
    """Gives the id of the wording in which a language is asked now; None where no texts are known."""
    team_country: str = ""
    """The country of the team's days off; empty where the calendar names none."""
    calls_a_day: int = 0
    """Calls that one agent makes on a whole working day; 0: nobody said so, and no question waits for support."""
    texts: bool = False
    """Whether SMS are sent by us; else they are a channel that a carrier takes from the topic."""

    @property
    def numbers_country(self) -> str:
        """The country of which a telephone number without a prefix is: the customers', else the team's."""
        return self.country or self.team_country

    @cached_property
    def undoing(self) -> frozenset[str]:
        """The names of the events that undo what they are about, such as refund."""
        rules = (rule for rule in self.contrary if rule.effect == Effect.CANCEL and rule.scope == "reference")
        return frozenset(name for rule in rules for name in rule.events)

    @cached_property
    def stopping(self) -> frozenset[str]:
        """The names of the events of which the contrary table says anything, what ends a hold included."""
        return frozenset(name for rule in self.contrary for name in (*rule.events, *rule.until))

    def plan_of(self, version: str) -> JourneyPlan:
        """Return the plan that planned something, by what that says; the one in use where that is not known."""
        return self.plan.at(version) or self.plan

    def shares(self, address: str) -> bool:
        """Tell whether the operator exempts a mailbox, or its domain, from resting as one person."""
        if not self.shared_mailboxes:
            return False
        canonical = mailbox(address)
        return canonical in self.shared_mailboxes or canonical[canonical.find("@") :] in self.shared_mailboxes

    def contrary_rule(self, event: str) -> ContraryRule | None:
        """Return the row of the contrary table that holds because of this event."""
        for rule in self.contrary:
            if event in rule.events:
                return rule
        return None
