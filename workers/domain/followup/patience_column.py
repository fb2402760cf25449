"""Whether rows of a journey plan that `may wait` for support do so within their time, and alike for one question."""

from collections.abc import Iterator
from datetime import timedelta

from workers.decision_table import Rule, Table
from workers.domain.compiled_tables.cells import longest_of
from workers.domain.compiled_tables.journey_plan import MAY_WAIT
from workers.domain.survey.support_room import LAST_DAYS


def patience_faults(table: Table) -> Iterator[str]:
    """Give a fault for each row that would wait into its last days, and for two of one touchpoint that differ."""
    first: dict[object, Rule] = {}
    if MAY_WAIT not in {column.name for column in table.outputs}:
        return
    for rule in table.rules:
        waits, gives_up = (longest_of(rule.outputs.get(name)) for name in (MAY_WAIT, "give up after"))
        where = f"rules.csv: row {rule.row} ({rule.id})"
        if waits is not None and waits + LAST_DAYS > (gives_up or timedelta()):
            yield (
                f"{where}: {MAY_WAIT} must end {LAST_DAYS.days} days before the row gives up, so that the question is "
                f"still asked: shorten {MAY_WAIT}, or lengthen `give up after`."
            )
        earlier = first.setdefault(rule.outputs.get("touchpoint"), rule)
        if earlier.outputs.get(MAY_WAIT) != rule.outputs.get(MAY_WAIT):
            yield (
                f"{where}: {rule.outputs.get('touchpoint')} may wait otherwise in row {earlier.row} ({earlier.id}): "
                "write the same in both."
            )
