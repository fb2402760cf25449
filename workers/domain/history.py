"""One line of a customer's history: what became of something, and why; `explain` makes a sentence of it."""

from datetime import datetime
from typing import NamedTuple

from workers.domain.records import History
from workers.domain.types import CustomerId, Ids


class Why(NamedTuple):
    """A reason code with its detail; both empty where nothing needs a reason."""

    reason: str = ""
    detail: str = ""


NOTHING = Why()
"""Nothing that needs a reason."""


class Subject(NamedTuple):
    """What a line is about: whose it is, which kind of thing, and its key."""

    customer: CustomerId
    kind: str
    id: str


def history(subject: Subject, state: str, why: Why, at: datetime, ids: Ids) -> History:
    """Return one line of history, keyed so that it is written once however often it is told."""
    key = ids.derive(at, "history", *subject, state, *why)
    return History(subject.customer, key, at, subject.kind, subject.id, state, *why)
