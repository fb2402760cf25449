"""The two tables in the form the core asks them: the journey plan and the follow-up table over one engine.

Pure: a compiled rule table goes in. What a row means is read once, when the table becomes live.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Generic, Self, TypeVar, cast

from workers.calendar import Wait, parse_wait
from workers.decision_table import (
    Compiled,
    Disagreement,
    OutcomeKind,
    Rule,
    Scalar,
    Table,
    compare,
    compile_table,
    from_content,
)
from workers.decision_table.files.reader import ON
from workers.decision_table.model.journey_events import OF_EVENTS
from workers.decision_table.model.table import only
from workers.domain.reporting.scales import QUESTION
from workers.domain.types import ACCOUNT, MAIL, WEB, QuestionKind
from workers.errors import BadInput

T = TypeVar("T")
ACTIONS_IN_A_ROW = 9
REMINDERS = ("reminder", "reminder 1", "reminder 2", "reminder 3")
"""The columns of a row's reminders; the first two are one and the same, and a plan has one of them."""
MAY_WAIT = "may wait"
NOT_OF_THIS_KIND = "the follow-up table has no input `question`, so its rows are for NPS scores alone"
NOW = Wait()
ONE_TICKET_PER = "one ticket per"
"""The column that says for whom a contact joins an open ticket: the customer, as everywhere, or their account."""
WEB_THEN_MAIL = ["web", "then", "mail", "after"]
EXAMPLE = "web then mail after 3d"


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
    may_wait: timedelta | None = None
    """For how long the question may wait until support can call who is unhappy; None: it never waits for that."""
    question: QuestionKind = QuestionKind.NPS


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
    per_account: bool = False
    """Whether a contact joins the open ticket of anybody of the customer's account, instead of opening a second one."""


def wait_of(value: object) -> Wait:
    """Return a wait cell's value; an empty cell is no wait."""
    return value if isinstance(value, Wait) else NOW


def text_of(value: object) -> str:
    """Return a text cell's value; an empty cell is the empty text."""
    return "" if value is None else str(value)


class Versions(Generic[T]):
    """Tables that were in use before, by version; each is compiled when it is first asked for."""

    def __init__(
        self, contents: Mapping[str, str], make: Callable[[Table], T], numbers: Mapping[str, str] | None = None
    ) -> None:
        """Take the content of each version, and the versions for which a number may stand, by that."""
        self._contents = contents
        self._make = make
        self._numbers = numbers or {}
        self._made: dict[str, T | None] = {}

    def get(self, version: str) -> T | None:
        """Return the table of a version or its number, or None when it is not known or can no longer be read."""
        version = self._numbers.get(version, version)
        if version not in self._made:
            content = self._contents.get(version)
            try:
                self._made[version] = None if content is None else self._make(from_content(content))
            except (BadInput, KeyError):  # written by a release that knew another format
                self._made[version] = None
        return self._made[version]


class TableInUse:
    """A table in use, its earlier versions and a candidate; `dated` when some rows hold on some days only."""

    def __init__(self, table: Table, earlier: "Versions[Self] | None" = None, candidate: Table | None = None) -> None:
        self.table = table
        self.version = table.version
        self.written_as = self.version
        """What rows say for the version: the number that the store keeps it under, or itself where there is none."""
        self.dated = is_dated(table) or (candidate is not None and is_dated(candidate))
        self.asks = frozenset(column.name for each in (table, candidate) if each for column in each.inputs)
        """The inputs of the table, and of the candidate beside it."""
        self._earlier = earlier
        self._compiled: Compiled = compile_table(table)
        self._candidate = compile_table(candidate) if candidate else None

    def at(self, version: str) -> Self | None:
        """Return the table as it was in a version, told in full or as rows tell it, or None when that is not known or
        cannot be read any more."""
        return (
            self
            if version in (self.version, self.written_as)
            else self._earlier.get(version)
            if self._earlier
            else None
        )


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


def of_events(table: Table) -> Table:
    """Return a journey plan without its columns about the customer; the very same one where it has none."""
    names = {column.name for column in table.inputs}
    return table if names <= OF_EVENTS else only(table, names & OF_EVENTS)


def is_dated(table: Table) -> bool:
    """Tell whether a table has rows that hold on some days only."""
    return any(column.name == ON for column in table.inputs)


def plan_inputs(
    event: str, first: bool, delivery_expected: bool | None, months: int | None, on: date | None
) -> Mapping[str, Scalar | None]:
    """Return the inputs of the journey plan; the day counts only where rows hold on some days."""
    expected = None if delivery_expected is None else yes_no(delivery_expected)
    return {"event": event, "first": yes_no(first), "delivery_expected": expected, "months": months, ON: on}


def yes_no(value: bool) -> str:
    """Return a truth value as cells write it: yes or no."""
    return "yes" if value else "no"


def plan_step(rule: Rule) -> PlanStep:
    """Return what one row of the journey plan says, its empty cells filled: no wait, no reminder, by mail."""
    row = rule.outputs
    channel, mail_after = read_channel(text_of(row.get("channel")))
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
        every=own_wait(row.get("every")),
        may_wait=longest_of(row.get(MAY_WAIT)),
        question=read_question(text_of(row.get("question"))),
    )


def read_question(cell: str) -> QuestionKind:
    """Return what a row asks; an empty cell is the NPS question. Raises BadInput with what there is."""
    try:
        return QuestionKind(cell.strip().lower() or QuestionKind.NPS)
    except ValueError:
        there = ", ".join(QuestionKind)
        raise BadInput(f"the question {cell[:40]!r} is none that Boucle asks: write one of {there}") from None


def read_channel(cell: str) -> tuple[str, Wait | None]:
    """Return how a row asks, and for `web then mail after 3d` also the wait before the mail; an empty cell is mail.

    Any other name is that of a carrier. Raises BadInput for what begins like ours and is neither.
    """
    words = cell.split()
    if len(words) < 2 or words[0].lower() not in (MAIL, WEB):
        return cell.strip() or MAIL, None
    if [word.lower() for word in words[:4]] != WEB_THEN_MAIL:
        raise BadInput(f"the channel {cell!r} cannot be read: write mail, web or {EXAMPLE}")
    wait = parse_wait(" ".join(words[4:]))
    if wait == NOW:
        raise BadInput(f"the channel {cell!r} leaves no time for a visit: write mail, or {EXAMPLE}")
    return words[0].lower(), wait


def reminders_of(row: Mapping[str, Scalar | None]) -> list[Wait]:
    """Return the waits of a row's reminders, in the order of their columns; `reminder` is `reminder 1`."""
    cells = [row.get(name) for name in REMINDERS]
    return [cell for cell in cells if isinstance(cell, Wait)]


def share_of(value: object) -> int:
    """Return the percent of the customers whom a row asks; an empty cell, and what is no percentage, is everybody."""
    return value if isinstance(value, int) and 0 <= value <= 100 else 100


def own_wait(value: object) -> Wait | None:
    """Return a wait that a row may have, such as its own rest period, or None for an empty cell."""
    return value if isinstance(value, Wait) else None


def longest_of(value: object) -> timedelta | None:
    """Return how long a wait lasts at most, so that statements of the store can go by it; None for an empty cell."""
    wait = own_wait(value)
    return wait.longest if wait else None


class FollowUpTable(TableInUse):
    """The follow-up table: what happens after a response."""

    def disagreement(self, inputs: Mapping[str, object]) -> Disagreement | None:
        """Return what the candidate beside the table would do instead, or None."""
        if self._candidate is None:
            return None
        return compare(self._compiled, self._candidate, self._typed(inputs))

    def apart(self, action: str) -> Wait | None:
        """Return how long nobody is asked again for what an action asks for; None where the table does not say."""
        return self.table.apart.get(action)

    def decide(self, inputs: Mapping[str, object]) -> Verdict:
        """Return what the table says; parked when no rule, or more than one, fires.

        A table that does not ask for the kind of question is one for the NPS: to another score no row of it applies.
        """
        if inputs.get(QUESTION) and QUESTION not in self.asks:
            return Verdict(OutcomeKind.PARKED.value, "", None, (), None, "", NOT_OF_THIS_KIND)
        outcome = self._compiled.decide(self._typed(inputs))
        if not outcome.outputs:
            rules = ", ".join(rule.id for rule in outcome.rules)
            return Verdict(outcome.kind.value, rules, None, (), None, "", outcome.reason)
        row = outcome.outputs[0]
        due = row.get("ticket due")
        return Verdict(
            outcome=outcome.kind.value,
            rule=outcome.rules[0].id if outcome.rules else "otherwise",
            row=outcome.rules[0].row if outcome.rules else None,
            steps=tuple(self._steps(row)),
            ticket_due=timedelta(days=due.days, seconds=due.seconds) if isinstance(due, Wait) else None,
            play=text_of(row.get("play")),
            reason=outcome.reason,
            per_account=text_of(row.get(ONE_TICKET_PER)) == ACCOUNT,
        )

    def _typed(self, inputs: Mapping[str, object]) -> Mapping[str, Scalar | None]:
        """Return inputs as the engine takes them: a stored decision has its day as text, and no kind of the NPS."""
        given = cast("Mapping[str, Scalar | None]", inputs)
        if QUESTION in self.asks and QUESTION not in given:
            given = {**given, QUESTION: QuestionKind.NPS.value}
        day = given.get(ON)
        return {**given, ON: date.fromisoformat(day)} if self.dated and isinstance(day, str) else given

    def _steps(self, row: Mapping[str, Scalar | None]) -> list[NextStep]:
        """Return the actions of a row, in the order of their numbers; a number may be left out."""
        steps = []
        for n in range(1, ACTIONS_IN_A_ROW + 1):
            action = text_of(row.get(f"action {n}"))
            if action:
                wait = wait_of(row.get(f"wait {n}"))
                steps.append(NextStep(action, text_of(row.get(f"template {n}")), wait, self.table.latest.get(action)))
        return steps
