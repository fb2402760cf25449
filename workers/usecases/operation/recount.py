"""Recounting: the running counts are added up now and then, the report's cells of changed days are counted anew, and
both can be counted anew from the rows.

Both may run beside every role, at any time and twice.
"""

from datetime import date
from functools import partial

from workers.store.connection import Connection
from workers.store.counts import report_cells, running_counts
from workers.store.counts.running_counts import Cell
from workers.store.engine import Store, see_one_snapshot

ROUNDS = 50
"""Changes folded in one go at most, in units of `FOLDED_AT_ONCE`: a million."""


def fold_counts(store: Store) -> int:
    """Add up what has changed since the last time, in short transactions, and return how many changes that was."""
    total = 0
    for _ in range(ROUNDS):
        folded = store.write(running_counts.fold)
        total += folded
        if folded < running_counts.FOLDED_AT_ONCE:
            break
    return total


def rebuild_counts(store: Store) -> dict[Cell, int]:
    """Count every row anew, and return by how much which count was too high. Raises NotNow."""

    def work(connection: Connection) -> dict[Cell, int]:
        see_one_snapshot(connection)
        return running_counts.rebuild(connection)

    return store.write(work, patient=True)


def recount_report(store: Store) -> int:
    """Count the days anew whose questions something has happened to, each in a short transaction; return how many."""
    changed = store.write(report_cells.days_to_recount, patient=True)
    return sum(store.write(partial(report_cells.recount, day=day), patient=True) for day in changed)


def rebuild_report(store: Store) -> list[date]:
    """Count every day of the report anew, and return those whose cells were wrong. Raises NotNow."""
    with store.reading(patient=True) as connection:
        wrong = report_cells.wrong_days(connection)
    store.write(report_cells.forget, patient=True)
    recount_report(store)
    return [day.date() for day in wrong]
