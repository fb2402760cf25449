"""What came in: events that were accepted, and those that could not be."""

from datetime import datetime
from typing import ClassVar

from workers.domain.records.row import Row
from workers.domain.types import CustomerId, DeadLetterState


class Inbox(Row, frozen=True):
    """One accepted event: the short memory against duplicates (30 days).

    `left_out` says what was done about fields that were wrong, by JSON pointer; it holds no value of the event.
    """

    TABLE: ClassVar[str] = "inbox"
    KEY: ClassVar[tuple[str, ...]] = ("source", "event_id")
    source: str
    event_id: str
    customer: CustomerId | None
    type: str
    digest: str
    door: str
    occurred_at: datetime
    received_at: datetime
    left_out: dict[str, str] | None = None


class DeadLetter(Row, frozen=True):
    """An event that could not be accepted, with its bytes, place and reason.

    `body` is the beginning of a message that was over its limit; `size` and `sha256` are those of the whole, and None
    in letters of release 0.1.0, which kept every body whole. `file`, `line` and `column` are where the row of an import
    is wrong; of rows with the same bytes it is the first.
    """

    TABLE: ClassVar[str] = "dead_letter"
    id: str
    digest: str
    door: str
    topic: str | None
    partition: int | None
    offset: int | None
    headers: dict[str, str]
    body: bytes
    fault: str
    reason: str
    source: str | None
    event_id: str | None
    subject: str | None
    state: DeadLetterState
    received_at: datetime
    changed_at: datetime
    note: str = ""
    size: int | None = None
    sha256: str | None = None
    file: str | None = None
    line: int | None = None
    column: str | None = None

    @property
    def bytes_sent(self) -> int:
        """How many bytes the message had, also where only its beginning was kept."""
        return len(self.body) if self.size is None else self.size

    @property
    def truncated(self) -> bool:
        """Return whether only the beginning of the message was kept."""
        return self.bytes_sent > len(self.body)
