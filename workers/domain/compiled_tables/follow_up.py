"""The follow-up table: what happens after a response."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast

from workers.calendar import Wait
from workers.decision_table import Disagreement, OutcomeKind, Scalar, compare
from workers.decision_table.files.reader import ON
from workers.domain.compiled_tables.cells import text_of, wait_of
from workers.domain.compiled_tables.in_use import TableInUse
from workers.domain.reporting.scales import QUESTION
from workers.domain.types import ACCOUNT, QuestionKind

ACTIONS_IN_A_ROW = 9
NOT_OF_THIS_KIND = "the follow-up table has no input `question`, so its rows are for NPS scores alone"
ONE_TICKET_PER = "one ticket per"
"""The column that says for whom a contact joins an open ticket: the customer, as everywhere, or their account."""


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
