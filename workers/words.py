"""The words of the field: ids, enumerations, reason codes, and the few errors a caller decides by.

One word per concept, as the glossary in docs/ has it. Nothing here computes.
"""

from enum import StrEnum
from typing import NewType

CustomerId = NewType("CustomerId", str)
JourneyId = NewType("JourneyId", str)
RequestId = NewType("RequestId", str)
ResponseId = NewType("ResponseId", str)
ActionId = NewType("ActionId", str)
DispatchId = NewType("DispatchId", str)
TicketId = NewType("TicketId", str)

type_of_id = str


class BoucleError(Exception):
    """Base of every error that Boucle raises itself."""


class BadInput(BoucleError):
    """What came in cannot be accepted: keep it as a dead letter and tell the sender why."""


class NotNow(BoucleError):
    """A part is away for the moment: wait and try again; nothing is lost."""


class Never(BoucleError):
    """Trying again cannot help: record it and tell a person."""


class Misconfigured(BoucleError):
    """Boucle cannot start like this: the message lists every fault and what to do about it."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class Conflict(BoucleError):
    """Somebody else changed it first: read again, then decide."""
