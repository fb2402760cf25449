"""Questions: whom the counts of the funnel stand for, each as a list, so that a number can be looked into.

What was asked by what became of it, and what was not asked by its reason. Reads only.
"""

from workers.domain.reporting import Filters
from workers.domain.types import TouchpointState
from workers.errors import BadInput
from workers.store.connection import Connection
from workers.store.report.fates import Fate
from workers.store.report.funnel import ListedQuestion, Page, list_asked, list_not_asked

__all__ = ["NO_REASON", "PAGE_LENGTH", "ListedQuestion", "asked", "not_asked"]

PAGE_LENGTH = 40
"""Questions on one page of the list."""
NO_REASON = "none"
"""Stands in an address for a touchpoint that carries no reason: it is not due yet."""


def asked(
    connection: Connection, filters: Filters, fate: str, *, page: int = 1, length: int | None = PAGE_LENGTH
) -> tuple[int, list[ListedQuestion]]:
    """Return how many questions met a fate, and those of a page, the newest first; raises BadInput for another word."""
    try:
        became = Fate(fate)
    except ValueError as error:
        raise BadInput(f"No question becomes {fate!r}.") from error
    return list_asked(connection, filters, became, Page(page, length))


def not_asked(
    connection: Connection,
    filters: Filters,
    state: str,
    reason: str,
    *,
    page: int = 1,
    length: int | None = PAGE_LENGTH,
) -> tuple[int, list[ListedQuestion]]:
    """Return how many touchpoints were not asked like this, and those of a page, the latest due first.

    Raises BadInput for a state that is none of theirs.
    """
    if state not in {str(allowed) for allowed in TouchpointState if allowed is not TouchpointState.ASKED}:
        raise BadInput(f"Nothing that was not asked is {state!r}.")
    word = "" if reason == NO_REASON else reason
    return list_not_asked(connection, filters, TouchpointState(state), word, Page(page, length))
