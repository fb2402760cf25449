"""Whether a row of a journey plan with `every` can ask again as it says: about the customer, and after every rest.

A row without `every` asks once; nothing here is about it.
"""

from collections.abc import Iterator
from datetime import timedelta

from workers.calendar import Wait
from workers.decision_table import Rule, Table
from workers.domain.compiled_tables.cells import own_wait, read_every, wait_of
from workers.errors import BadInput

EVERY = "every"
SHORTEST = timedelta(days=1)


def recurrence_faults(table: Table) -> Iterator[str]:
    """Give a fault for each row that could not ask again as its `every` says, and for two that ask the same so."""
    first: dict[tuple[object, object], tuple[Rule, tuple[Wait | None, bool]]] = {}
    for rule in table.rules:
        try:
            cell = read_every(rule.outputs.get(EVERY))
        except BadInput as fault:
            yield f"rules.csv: row {rule.row} ({rule.id}): {EVERY}: {fault}"
            continue
        if cell[0] is None:
            continue
        yield from faults_of_row(table, rule, cell[0])
        question = (rule.outputs.get("trigger"), rule.outputs.get("touchpoint"))
        earlier, said = first.setdefault(question, (rule, cell))
        if said != cell:
            yield (
                f"rules.csv: rows {earlier.row} ({earlier.id}) and {rule.row} ({rule.id}) ask "
                f"{rule.outputs.get('touchpoint')} again after different times: write the same in both."
            )


def faults_of_row(table: Table, rule: Rule, every: Wait) -> Iterator[str]:
    """Give what is wrong with a row that asks again: its `once per`, a period too short, or one below its rest."""
    where = f"rules.csv: row {rule.row} ({rule.id})"
    if rule.outputs.get("once per") != "customer":
        yield (
            f"{where}: every asks a customer again, and once per is {rule.outputs.get('once per')}: "
            "write customer there, or empty every."
        )
    if every.shortest < SHORTEST:
        yield f"{where}: every {every.iso()} is less than a day: write P6M, say."
        return
    if every.shortest <= wait_of(rule.outputs.get("give up after")).shortest:
        yield f"{where}: the next question would come before this one is given up: shorten `give up after`."
    for name, rest in rests_of(table, rule):
        if every.shortest < rest.shortest:
            yield (
                f"{where}: every {every.iso()} is shorter than {name}, {rest.iso()}, for which nobody is asked "
                "this again: lengthen every, or shorten the rest."
            )


def rests_of(table: Table, rule: Rule) -> Iterator[tuple[str, Wait]]:
    """Give the rests that keep a row's question from being asked again, each with its name; none where it is exempt."""
    if table.rest is None or rule.outputs.get("if resting") == "exempt":
        return
    yield "the rest period over all surveys", table.rest.all_surveys
    own = own_wait(rule.outputs.get("rest"))
    yield ("the rest period of its template", table.rest.same_template) if own is None else ("its rest", own)
