"""The journey plan: which touchpoints an event plans, and what each of its rows says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self, cast

from workers.calendar import Wait
from workers.decision_table import Disagreement, Rule, Scalar, Table, compare, compile_table
from workers.decision_table.files.reader import ON
from workers.decision_table.model.journey_events import OF_EVENTS
from workers.decision_table.model.table import only
from workers.domain.compiled_tables.cells import (
    Quota,
    longest_of,
    own_wait,
    read_channel,
    read_every,
    read_question,
    read_quota,
    reminders_of,
    share_of,
    text_of,
    wait_of,
    yes_no,
)
from workers.domain.compiled_tables.in_use import TableInUse, Versions
from workers.domain.types import MAIL, QuestionKind
from workers.errors import BadInput

MAY_WAIT = "may wait"
A_DAY = "at most a day"


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
    """The waits of its reminders, ISO 8601 durations with a space between; empty: none."""
    template: str
    channel: str
    rest: Wait | None = None
    share: int = 100
    """Percent of the customers whom the row asks."""
    mail_after: Wait | None = None
    """How long after the due time the question goes by mail to who was not asked on a site; None: by one way alone."""
    every: Wait | None = None
    """How long after a customer was asked they are asked again; None: once."""
    after_answer: bool = False
    """Whether that runs from the answer to the last time, where there is one."""
    may_wait: timedelta | None = None
    """For how long the question may wait until support can call who is unhappy; None: it never waits for that."""
    question: QuestionKind = QuestionKind.NPS
    a_day: Quota | None = None
    """How many customers the row's question is asked of on a day; None: any number."""


class JourneyPlan(TableInUse):
    """The journey plan: which touchpoints an event plans."""

    def __init__(
        self,
        table: Table,
        earlier: "Versions[Self] | None" = None,
        candidate: Table | None = None,
        written_as: str = "",
    ) -> None:
        self.about = tuple(column.name for column in table.inputs if column.name not in OF_EVENTS)
        """The columns about the customer, which are looked at when the question would be asked."""
        self._selecting = {name: compile_table(only(table, {name})) for name in self.about}
        super().__init__(of_events(table), earlier, of_events(candidate) if candidate else None)
        self.table = table
        self.written_as = written_as or self.version
        self._disagreements: dict[tuple[object, ...], Disagreement | None] = {}
        self._steps = {rule.id: plan_step(rule) for rule in table.rules}
        self._steps_for: dict[tuple[object, ...], tuple[PlanStep, ...]] = {}
        self.recurring = recurring_of(self._steps)
        """The rows that ask again and again, by trigger and touchpoint; of two for one, the first by its id."""
        self.may_wait = patience_of(self._steps)
        """For how long each touchpoint may wait for support that does; none in a plan without such a column."""
        self.quotas = quotas_of(self._steps)
        """Of how many customers each touchpoint is asked on a day; none in a plan without such a column."""

    def steps_for(
        self, event: str, first: bool, delivery_expected: bool | None, months: int | None, on: date | None = None
    ) -> tuple[PlanStep, ...]:
        """Return the rows that apply to an event, in the order of the table; a `dated` plan needs the day."""
        key = (event, first, delivery_expected, months, on if self.dated else None)
        if key not in self._steps_for:
            inputs = plan_inputs(event, first, delivery_expected, months, on)
            self._steps_for[key] = tuple(self._steps[rule.id] for rule in self._compiled.decide(inputs).rules)
        return self._steps_for[key]

    def unmet(self, rule: str, inputs: Mapping[str, object]) -> tuple[str, ...]:
        """Return the columns about the customer that keep a row from asking them, in the order of the table.

        None for a row that the plan no longer has. What a column does not take keeps its row from asking, too.
        """
        if rule not in self._steps:
            return ()
        return tuple(name for name in self.about if rule not in self._selected(name, inputs.get(name)))

    def _selected(self, name: str, value: object) -> frozenset[str]:
        """Return the rows whose cell in one column about the customer takes a value."""
        try:
            outcome = self._selecting[name].decide(cast("Mapping[str, Scalar | None]", {name: value}))
        except BadInput:
            return frozenset()
        return frozenset(rule.id for rule in outcome.rules)

    def disagreement(
        self, event: str, first: bool, delivery_expected: bool | None, months: int | None, on: date | None = None
    ) -> Disagreement | None:
        """Return what the candidate beside the plan would do instead, or None."""
        if self._candidate is None:
            return None
        key = (event, first, delivery_expected, months, on if self.dated else None)
        if key not in self._disagreements:
            inputs = plan_inputs(event, first, delivery_expected, months, on)
            self._disagreements[key] = compare(self._compiled, self._candidate, inputs)
        return self._disagreements[key]

    def step(self, rule: str) -> PlanStep | None:
        """Return the row with this id, if the plan still has it."""
        return self._steps.get(rule)

    def touchpoints(self) -> frozenset[str]:
        """Return the touchpoints of every row, each once."""
        return frozenset(step.touchpoint for step in self._steps.values())

    def triggers(self) -> frozenset[str]:
        """Return the triggers that the plan's questions have."""
        return frozenset(step.trigger for step in self._steps.values())

    def template_for(self, trigger: str) -> str:
        """Return the template of the first row that asks about a trigger, by the row's id; empty where none does."""
        steps = sorted((step.rule, step.template) for step in self._steps.values() if step.trigger == trigger)
        return steps[0][1] if steps else ""

    def hangs_on_start(self, rule: str) -> bool:
        """Tell whether the row's anchor is the start of the relationship."""
        step = self._steps.get(rule)
        return step is not None and step.anchor == "start"

    def goes_by_earliest(self, rule: str) -> bool:
        """Tell whether of the events that plan the row's touchpoint the earliest counts, however late it is told."""
        step = self._steps.get(rule)
        return step is not None and (step.anchor == "start" or step.every is not None)

    def channel_of(self, rule: str) -> str:
        """Return the channel on which a row asks; mail for a row that the plan no longer has."""
        step = self._steps.get(rule)
        return step.channel if step else MAIL

    def kind_of(self, rule: str) -> QuestionKind:
        """Return what a row's question measures; the NPS for a row that the plan no longer has."""
        step = self._steps.get(rule)
        return step.question if step else QuestionKind.NPS

    def rated(self) -> list[tuple[str, QuestionKind]]:
        """Return template and kind of the rows that ask no NPS question, each pair once."""
        rated = ((step.template, step.question) for step in self._steps.values())
        return sorted({(template, kind) for template, kind in rated if kind is not QuestionKind.NPS})

    def mail_after(self, rule: str) -> Wait | None:
        """Return how long a row waits for a visit before it asks by mail; None for a row that asks in one way alone."""
        step = self._steps.get(rule)
        return step.mail_after if step else None


def recurring_of(steps: Mapping[str, PlanStep]) -> Mapping[tuple[str, str], PlanStep]:
    """Return the rows that ask again and again, by trigger and touchpoint."""
    recurring: dict[tuple[str, str], PlanStep] = {}
    for step in sorted(steps.values(), key=lambda step: step.rule):
        if step.every is not None:
            recurring.setdefault((step.trigger, step.touchpoint), step)
    return recurring


def patience_of(steps: Mapping[str, PlanStep]) -> Mapping[str, timedelta]:
    """Return for how long touchpoints may wait for support: all of whose rows say so, and the shortest of them."""
    by_touchpoint: dict[str, list[timedelta | None]] = {}
    for step in steps.values():
        by_touchpoint.setdefault(step.touchpoint, []).append(step.may_wait)
    return {
        touchpoint: min(wait for wait in waits if wait is not None)
        for touchpoint, waits in by_touchpoint.items()
        if None not in waits
    }


def quotas_of(steps: Mapping[str, PlanStep]) -> Mapping[str, Quota]:
    """Return the quotas of touchpoints, whose rows say the same; where they do not, the smallest."""
    quotas: dict[str, Quota] = {}
    for step in sorted(steps.values(), key=lambda step: step.rule):
        if step.a_day is not None:
            earlier = quotas.get(step.touchpoint, step.a_day)
            quotas[step.touchpoint] = min(earlier, step.a_day, key=lambda quota: quota.most)
    return quotas


def of_events(table: Table) -> Table:
    """Return a journey plan without its columns about the customer; the very same one where it has none."""
    names = {column.name for column in table.inputs}
    return table if names <= OF_EVENTS else only(table, names & OF_EVENTS)


def plan_inputs(
    event: str, first: bool, delivery_expected: bool | None, months: int | None, on: date | None
) -> Mapping[str, Scalar | None]:
    """Return the inputs of the journey plan; the day counts only where rows hold on some days."""
    expected = None if delivery_expected is None else yes_no(delivery_expected)
    return {"event": event, "first": yes_no(first), "delivery_expected": expected, "months": months, ON: on}


def plan_step(rule: Rule) -> PlanStep:
    """Return what one row of the journey plan says, its empty cells filled: no wait, no reminder, by mail."""
    row = rule.outputs
    channel, mail_after = read_channel(text_of(row.get("channel")))
    every, after_answer = read_every(row.get("every"))
    return PlanStep(
        rule=rule.id,
        touchpoint=text_of(row["touchpoint"]),
        trigger=text_of(row["trigger"]),
        anchor=text_of(row["anchor"]),
        due=wait_of(row["due"]),
        give_up_after=wait_of(row["give up after"]),
        if_resting=text_of(row["if resting"]),
        once_per=text_of(row["once per"]),
        reminder=" ".join(wait.iso() for wait in reminders_of(row)),
        template=text_of(row["template"]),
        channel=channel,
        rest=own_wait(row.get("rest")),
        share=share_of(row.get("share")),
        mail_after=mail_after,
        every=every,
        after_answer=after_answer,
        may_wait=longest_of(row.get(MAY_WAIT)),
        question=read_question(text_of(row.get("question"))),
        a_day=read_quota(row.get(A_DAY)),
    )
