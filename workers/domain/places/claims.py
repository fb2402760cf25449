"""Claims: a mail address that somebody typed at a place is nobody's until its owner says so, by one service mail.

The mail says where an answer was left, and nothing of what was answered: whoever types a stranger's address must not
write to that stranger through us.
"""

from datetime import timedelta
from enum import StrEnum

TEMPLATE = "claim"
ONCE_IN = timedelta(days=7)
"""How long a mailbox that was asked once is not asked again, whoever types it and wherever."""
MOST_A_DAY = 100
"""Mails about addresses that one place causes in a day."""
OPEN_FOR = timedelta(days=30)
"""How long the link in the mail counts."""


class Claim(StrEnum):
    """What is known of an address that was left with an answer."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNSENT = "unsent"
