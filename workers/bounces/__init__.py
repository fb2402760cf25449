"""Bounces: what a mail that came back says: refused for good, for now, because of us, a complaint, or nothing of it.

Whom it is about is decided by the signed return path alone, never by an address in the report. Nothing here acts on it.
"""

from workers.bounces.bounded import HEAD_BYTES, Unreadable
from workers.bounces.kinds import Bounce, BounceKind
from workers.bounces.meaning import meaning_of
from workers.bounces.reading import read_bounce

__all__ = ["HEAD_BYTES", "Bounce", "BounceKind", "Unreadable", "meaning_of", "read_bounce"]
