"""Bounces: what a mail that came back says: refused for good, for now, because of us, a complaint, or nothing of it.

Whom it is about is decided by the signed return path alone, never by an address in the report. Nothing here acts on it.
"""

from workers.domain.mail.bounce_parser.bounded_parts import HEAD_BYTES, Unreadable
from workers.domain.mail.bounce_parser.kinds import Bounce, BounceKind
from workers.domain.mail.bounce_parser.meaning import meaning_of
from workers.domain.mail.bounce_parser.reader import read_bounce

__all__ = ["HEAD_BYTES", "Bounce", "BounceKind", "Unreadable", "meaning_of", "read_bounce"]
