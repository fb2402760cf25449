"""The kinds of mails that come back, and what is kept of one."""

from dataclasses import dataclass
from enum import StrEnum


class BounceKind(StrEnum):
    """What a mail that came back says; what follows is decided elsewhere."""

    HARD = "hard"  # there is no such mailbox, or no such domain: never again
    SOFT = "soft"  # not now: full, busy, too large, away; or refused without a reason
    OURS = "ours"  # refused because of us: reputation, authentication, our sender, our content
    POLICY = "policy"  # refused by a choice of the recipient's side: locked, restricted, senders allowed by name
    COMPLAINT = "complaint"  # the customer called it spam: suppress and opt out
    AUTO_REPLY = "auto_reply"  # out of office: not an answer, not a bounce
    NONE = "none"  # a letter, a receipt, a notice that the server still tries, or nothing that can be read


@dataclass(frozen=True, slots=True)
class Bounce:
    """What one returned mail says.

    `status` is the enhanced code (RFC 3463) that decided, empty without one; `recipient` the address that the report
    names, for a person to read and never to act on; `paths` the addresses that may be a return path of ours;
    `delayed` that the server still tries; `unreadable` why a mail was not looked into.
    """

    kind: BounceKind
    status: str = ""
    detail: str = ""
    recipient: str = ""
    paths: tuple[str, ...] = ()
    delayed: bool = False
    unreadable: str = ""
