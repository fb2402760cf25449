"""What the rules commands ask of a running installation, and the answer of none.

The composition root supplies an object of this shape; without one, the commands work on files alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from workers.decision_table.model.table import Inputs, KnownNames, Table
from workers.decision_table.trials.backtest import PastResponse
from workers.decision_table.trials.replay import PastEvent


@dataclass(frozen=True, slots=True)
class Disagreed:
    """One way in which a candidate disagrees with a table in use: rules and effects of both, and how often."""

    name: str
    candidate: str
    rules: str
    candidate_rules: str
    outcome: str
    candidate_outcome: str
    count: int
    last: datetime

    def as_json(self) -> dict[str, object]:
        """Return it as `boucle rules shadow --format json` prints it."""
        return {
            "table": self.name,
            "candidate": self.candidate,
            "rules": self.rules,
            "candidate_rules": self.candidate_rules,
            "from": self.outcome,
            "to": self.candidate_outcome,
            "count": self.count,
            "last": self.last.isoformat(),
        }


MOST_SAMPLED = 20_000
"""Past responses that a check looks at: more would change few of its counts, and make it wait for minutes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Some past responses, spread over their time, and how many there are."""

    responses: Sequence[PastResponse]
    total: int

    @property
    def whole(self) -> bool:
        return len(self.responses) >= self.total

    @property
    def percent(self) -> str:
        """Return the share of all that was looked at, with one digit that counts below one percent."""
        share = 100 * len(self.responses) / self.total if self.total else 100.0
        return f"{share:.0f}" if share >= 1 else f"{share:.1g}"


class Stored(Protocol):
    """What the commands ask of a running installation; each answer may be empty.

    It is declared here so that this library knows no store; the history of the rules, a command without one and
    `Nothing` answer it.
    """

    def known_names(self) -> KnownNames | None:
        """Return the templates, triggers and actions that exist, or None when that is not known."""

    def responses(self, since: datetime | None) -> Iterable[PastResponse]:
        """Return stored responses with the inputs of the follow-up table, oldest first."""

    def sample(self, most: int) -> Sample:
        """Return at most so many stored responses, spread over their time, and how many there are."""

    def events(self, since: datetime | None) -> Sequence[PastEvent]:
        """Return stored journey events, oldest first."""

    def decision_inputs(self, response_id: str) -> tuple[Inputs, str] | None:
        """Return the inputs of a response's current decision and the content of the table that made it, or None."""

    def versions(self, name: str) -> Iterable[tuple[datetime, Table]]:
        """Return the versions of a table that have been live, latest first, with the time of each."""

    def disagreements(self, since: datetime | None) -> Iterable[Disagreed]:
        """Return on what candidates beside the tables in use disagreed, by kind."""


class Nothing:
    """A `Stored` without an installation behind it."""

    def known_names(self) -> KnownNames | None:
        return None

    def responses(self, since: datetime | None) -> Iterable[PastResponse]:
        return ()

    def sample(self, most: int) -> Sample:
        return Sample((), 0)

    def events(self, since: datetime | None) -> Sequence[PastEvent]:
        return ()

    def decision_inputs(self, response_id: str) -> tuple[Inputs, str] | None:
        return None

    def versions(self, name: str) -> Iterable[tuple[datetime, Table]]:
        return ()

    def disagreements(self, since: datetime | None) -> Iterable[Disagreed]:
        return ()
