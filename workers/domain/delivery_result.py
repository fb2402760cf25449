"""How a handing over ended: the one vocabulary between the dispatching use case and SMTP, mailbox and webhook.

Nothing here sends anything.
"""

from dataclasses import dataclass
from enum import StrEnum


class SendKind(StrEnum):
    """What the caller does next with a dispatch."""

    ACCEPTED = "accepted"  # the other side has it
    LATER = "later"  # try again after a while; nobody has it
    NEVER = "never"  # this one cannot be handed over; trying again cannot help
    OURS = "ours"  # refused because of us, not the recipient: suppress nobody, pause when it is not this one server
    UNKNOWN = "unknown"  # cut after the content had left: the other side may have it


@dataclass(frozen=True, slots=True)
class SendResult:
    """The end of one handing over: reply code (0: none came), the other side's words, seconds it asks us to wait.

    `everyone`: not reached, or refused before a recipient was named, so any other mail would fare the same: it says
    something about the server and nothing about this mail.
    """

    kind: SendKind
    code: int = 0
    text: str = ""
    retry_after: float | None = None
    everyone: bool = False
