"""What was answered at places, counted and kept apart alike."""

from datetime import datetime
from typing import ClassVar

from workers.domain.records.row import Row
from workers.domain.types import CustomerId


class PlaceAnswer(Row, frozen=True):
    """One answer at a place. What came past a limit has no response: it is kept here, and counted beside the others.

    `network` is a keyed hash of where it came from, `held` the limit that it came past, or empty; only then it has its
    score and comment here.
    """

    TABLE: ClassVar[str] = "place_answer"
    id: str
    customer: CustomerId
    place: str
    at: datetime
    network: str
    held: str = ""
    score: int | None = None
    comment: str = ""
    claim: str | None = None
    """What is known of the address that was left (`places.claims.Claim`); None: none was left."""
    claim_key: str | None = None
    """A keyed hash of that address."""
    question: str | None = None
    """What was asked: csat or ces. None: an NPS question."""
