"""Recounting: the running counts are added up now and then, and can be counted anew from the rows.

Both may run beside every role, at any time and twice.
"""

from workers.store.connection import Connection
from workers.store.counts import running_counts
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
