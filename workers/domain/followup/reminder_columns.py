"""Whether the reminders of a journey plan can leave: in their order, before the question is given up or closed.

A plan that has the one column `reminder` is left as it is: it means what it meant before there were three.
"""

from collections.abc import Iterator
from datetime import timedelta

from workers.calendar import Wait
from workers.decision_table import Rule, Table
from workers.domain.compiled_tables.cells import REMINDERS, wait_of
from workers.domain.survey.request import CLOSES_AFTER

SINGLE, *NUMBERED = REMINDERS


def reminder_faults(table: Table) -> Iterator[str]:
    """Give a fault for each reminder of a plan that would never leave, or not in its place."""
    columns = {column.name for column in table.outputs}
    if SINGLE in columns and NUMBERED[0] in columns:
        yield f"table.yaml: {SINGLE} and {NUMBERED[0]} are the same reminder: take one of the two columns out."
    elif columns.intersection(NUMBERED):
        for rule in table.rules:
            yield from faults_of_row(rule)


def faults_of_row(rule: Rule) -> Iterator[str]:
    """Give what is wrong with the reminders of a row: a number left out, the order, or one that comes too late."""
    own = [name for name in REMINDERS if isinstance(rule.outputs.get(name), Wait)]
    where = f"rules.csv: row {rule.row} ({rule.id})"
    expected = [NUMBERED[0] if name == SINGLE else name for name in own]
    if expected != NUMBERED[: len(own)]:
        missing = next(name for name in NUMBERED if name not in expected)
        yield f"{where}: {own[-1]} stands without {missing}: fill that cell first, or empty this one."
    before, earlier = "the question", timedelta()
    for name in own:
        wait = wait_of(rule.outputs.get(name)).shortest
        if wait <= earlier:
            yield f"{where}: {name} must come after {before}: both wait from the day on which the question left."
        before, earlier = name, wait
    yield from too_late(rule, own)


def too_late(rule: Rule, own: list[str]) -> Iterator[str]:
    """Give a fault for each reminder that would come when the question is given up, or takes no answer any more."""
    where = f"rules.csv: row {rule.row} ({rule.id})"
    gives_up = wait_of(rule.outputs.get("give up after")).shortest
    for name in own:
        wait = wait_of(rule.outputs.get(name)).shortest
        if wait >= CLOSES_AFTER.shortest:
            yield f"{where}: {name} would come when the question is closed, {CLOSES_AFTER.days} days after it left."
        elif wait > gives_up:
            yield f"{where}: {name} would come after the row gives up: shorten it, or lengthen `give up after`."
