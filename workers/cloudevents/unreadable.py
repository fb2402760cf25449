"""A message that is not here as it was sent: what there is of it, how large it was, its digest, and why.

A door that cannot read a record, or does not hold all of it in memory, hands this on in place of the body, so that the
record becomes a dead letter at its place and the ones behind it are taken.
"""

import hashlib

from workers.cloudevents.events import Refusal

KEPT_BYTES = 65_536
"""How much of a message over its size limit is kept: enough to see who sent what."""


class Unreadable(bytes):
    """The beginning of a body, or all of it; `size` and `sha256` are those of the whole."""

    size: int
    sha256: str
    reason: Refusal
    detail: str

    @classmethod
    def whole(cls, body: bytes, reason: Refusal, detail: str) -> "Unreadable":
        """Return a body that is all there and still cannot be taken."""
        return cls.beginning(body, len(body), hashlib.sha256(body).hexdigest(), reason, detail)

    @classmethod
    def beginning(cls, body: bytes, size: int, sha256: str, reason: Refusal, detail: str) -> "Unreadable":
        """Return the beginning of a body of `size` bytes whose SHA-256 (hexadecimal) is `sha256`."""
        made = cls(body)
        made.size, made.sha256, made.reason, made.detail = size, sha256, reason, detail
        return made

    @property
    def truncated(self) -> bool:
        """Return whether more was sent than is here."""
        return self.size > len(self)
