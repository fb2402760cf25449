"""Whether a row of a journey plan with `every` can ask again as it says: about the customer, and after every rest.

A row without `every` asks once; nothing here is about it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from workers.calendar import Wait, add_wait
from workers.decision_table import Rule, Table
from workers.domain.compiled_tables import own_wait

EVERY = "every"
ANY_DAY = datetime(2026, 1, 31, tzinfo=UTC)
"""From when waits are compared: that of a month counts as one of 28 days, the shortest there is."""
SHORTEST = Wait(days=1)


def recurrence_faults(table: Table) -> Iterator[str]:
    """Give a fault for each row that could not ask again as its `every` says, and for two that ask the same so."""
    first: dict[tuple[object, object], Rule] = {}
    for rule in table.rules:
        every = own_wait(rule.outputs.get(EVERY))
        if every is None:
            continue
        yield from faults_of_row(table, rule, every)
        earlier = first.setdefault((rule.outputs.get("trigger"), rule.outputs.get("touchpoint")), rule)
        if earlier.outputs.get(EVERY) != every:
            yield (
                f"rules.csv: rows {earlier.row} ({earlier.id}) and {rule.row} ({rule.id}) ask "
                f"{rule.outputs.get('touchpoint')} again after different times: write the same in both."
            )


def faults_of_row(table: Table, rule: Rule, every: Wait) -> Iterator[str]:
    """Give what is wrong with a row that asks again: its `once per`, a period too short, or one below its rest."""
    where, days = f"rules.csv: row {rule.row} ({rule.id})", length(every)
    if rule.outputs.get("once per") != "customer":
        yield (
            f"{where}: every asks a customer again, and once per is {rule.outputs.get('once per')}: "
            "write customer there, or empty every."
        )
    if days < length(SHORTEST):
        yield f"{where}: every {every.iso()} is less than a day: write P6M, say."
        return
    if days <= length(own_wait(rule.outputs.get("give up after")) or Wait()):
        yield f"{where}: the next question would come before this one is given up: shorten `give up after`."
    for name, rest in rests_of(table, rule):
        if days < length(rest):
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


def length(wait: Wait) -> datetime:
    """Return when a wait is over that begins on any day."""
    return add_wait(ANY_DAY, wait, "UTC")
