"""Policy: what the operator decided, in the form the core uses: tables, calendar, window, zone, times.

Built once at start (and again when a table changes) by wiring; nothing here reads a file.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

from workers.calendar import Calendar, SendWindow, Wait
from workers.decision_table import Disagreement
from workers.decision_table.model.rest_period import Rest
from workers.domain.mail.deliverability import DeadRule, KeepRule, RefusalRule
from workers.domain.mail.links import Links
from workers.domain.types import Ids, MailClass
from workers.text.mail_addresses import mailbox


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One row of the journey plan that applies to an event."""

    rule: str
    touchpoint: str
    trigger: str
    anchor: str
    due: Wait
    give_up_after: Wait
    if_resting: str
    once_per: str
    reminder: str
    template: str
    channel: str
    rest: Wait | None = None


class Plan(Protocol):
    """The journey plan, compiled; `dated` when some rows hold on some days only."""

    version: str
    dated: bool

    def steps_for(
        self, event: str, first: bool, delivery_expected: bool | None, months: int | None, on: date | None = None
    ) -> tuple[PlanStep, ...]:
        """Return the rows that apply to an event; a `dated` plan needs the day."""

    def disagreement(
        self, event: str, first: bool, delivery_expected: bool | None, months: int | None, on: date | None = None
    ) -> Disagreement | None:
        """Return what the candidate beside the plan would do instead, or None."""

    def at(self, version: str) -> "Plan | None":
        """Return the plan as it was in a version, or None when that is not known."""

    def step(self, rule: str) -> PlanStep | None:
        """Return the row with this id, if the plan still has it."""

    def touchpoints(self) -> frozenset[str]:
        """Return the names of the touchpoints that the plan has."""

    def hangs_on_start(self, rule: str) -> bool:
        """Tell whether the row's anchor is the start of the relationship."""

    def channel_of(self, rule: str) -> str:
        """Return the channel on which the row asks."""


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


@dataclass(frozen=True, slots=True)
class NextStep:
    """One action of a follow-up row."""

    action: str
    template: str
    wait: Wait
    latest: Wait | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the follow-up table says to one response."""

    outcome: str
    rule: str
    row: int | None
    steps: tuple[NextStep, ...]
    ticket_due: timedelta | None
    play: str
    reason: str


class FollowUp(Protocol):
    """The follow-up table, compiled; `dated` when some rows hold on some days only."""

    version: str
    dated: bool

    def disagreement(self, inputs: Mapping[str, object]) -> Disagreement | None:
        """Return what the candidate beside the table would do instead, or None."""

    def at(self, version: str) -> "FollowUp | None":
        """Return the table as it was in a version, or None when that is not known."""

    def apart(self, action: str) -> Wait | None:
        """Return how long nobody is asked again for what an action asks for; None where the table does not say."""

    def decide(self, inputs: Mapping[str, object]) -> Verdict:
        """Return the row that fires for these inputs."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything the operator decided."""

    ids: Ids
    plan: Plan
    contrary: tuple[ContraryRule, ...]
    rest: Rest
    follow_up: FollowUp
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

    def plan_of(self, version: str) -> Plan:
        """Return the plan that planned something, by its version; the one in use where that is not known."""
        return self.plan.at(version) or self.plan

    def shares(self, address: str) -> bool:
        """Tell whether the operator exempts a mailbox, or its domain, from resting as one person."""
        canonical = mailbox(address)
        return canonical in self.shared_mailboxes or canonical[canonical.find("@") :] in self.shared_mailboxes

    def contrary_rule(self, event: str) -> ContraryRule | None:
        """Return the row of the contrary table that holds because of this event."""
        for rule in self.contrary:
            if event in rule.events:
                return rule
        return None
