"""Explaining: rows become sentences, so that anybody can see what happened to one customer, and why something did not.

Values in, values out: the story of a customer is loaded by the store. Must not decide anything or change a row.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sending:
    """Whether mails go out (`on`, `held`, `paused`), why not, and which touchpoints are paused."""

    state: str = "on"
    reason: str = ""
    paused: frozenset[str] = frozenset()

    def as_dict(self) -> dict[str, object]:
        """Return it as `boucle status --format json` prints it."""
        return {"state": self.state, "reason": self.reason, "paused": sorted(self.paused)}
