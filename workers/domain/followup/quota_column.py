"""Whether the quotas of a journey plan (`at most a day`) can be counted: readable, and alike for one question."""

from collections.abc import Iterator, Mapping

from workers.decision_table import Kind, Rule, Table
from workers.decision_table.model.table import Column
from workers.domain.compiled_tables.cells import read_quota
from workers.domain.compiled_tables.journey_plan import A_DAY
from workers.domain.customer_inputs import customer_columns
from workers.errors import BadInput

GROUPS = (Kind.TEXT, Kind.ORDERED_TEXT)
"""Kinds of columns that tell customers apart by few values."""


def quota_faults(table: Table, declared: Mapping[str, Column]) -> Iterator[str]:
    """Give a fault for each quota that cannot be read or counted, and for two of one touchpoint that differ."""
    first: dict[object, Rule] = {}
    if A_DAY not in {column.name for column in table.outputs}:
        return
    groups = [name for name, column in customer_columns(declared).items() if column.kind in GROUPS]
    for rule in table.rules:
        where = f"rules.csv: row {rule.row} ({rule.id})"
        try:
            quota = read_quota(rule.outputs.get(A_DAY))
        except BadInput as fault:
            yield f"{where}: {fault}."
            continue
        if quota is not None and quota.by and quota.by not in groups:
            there = ", ".join(groups)
            yield f"{where}: {A_DAY} names {quota.by[:40]!r}, which is none of the columns that make groups: {there}."
        earlier = first.setdefault(rule.outputs.get("touchpoint"), rule)
        if earlier.outputs.get(A_DAY) != rule.outputs.get(A_DAY):
            yield (
                f"{where}: {rule.outputs.get('touchpoint')} has another quota in row {earlier.row} ({earlier.id}): "
                f"both are one question, so write the same {A_DAY} in both."
            )
