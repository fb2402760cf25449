"""What others tell of the rules in use: which versions, which candidates beside them, and which edits were refused."""

from workers.store.connection import Connection
from workers.store.rules import live, past
from workers.store.rules.live import content_in_use

__all__ = ["content_in_use", "count_refused", "refusal_sentences", "summarise"]


def summarise(connection: Connection) -> dict[str, object]:
    """Return, as JSON values, the versions in use, the candidates and the refused edits, each by its place or name.

    A candidate comes with the number of decisions on which it disagreed, a refusal with every fault: the rules before
    go on.
    """
    return {
        "in_use": live.tables_in_use(connection),
        "candidates": {
            place: {"version": version, "disagreed": past.disagreed(connection, version)}
            for place, version in sorted(live.candidates(connection).items())
        },
        "refused": {
            refusal.name: {"since": refusal.since.isoformat(), "faults": list(refusal.faults)}
            for refusal in live.refusals(connection)
        },
    }


def count_refused(connection: Connection) -> int:
    """Return how many edits of the rules stand refused."""
    return len(live.refusals(connection))


def refusal_sentences(connection: Connection) -> list[str]:
    """Return a sentence for each edit that the roles did not take over."""
    refused, in_use = live.refusals(connection), live.in_use(connection)
    return [
        f"The roles refused the edit of {refusal.name} at {refusal.since.isoformat()} "
        f"and go on with version {in_use.get(refusal.name, 'before')[:12]}: {' '.join(refusal.faults)}"
        for refusal in refused
    ]
