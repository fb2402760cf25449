"""Bounce collection: returned mails are taken from the place where they lie, again and again, and put away."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from workers.domain.mail.bounce_parser.letters import Item
from workers.usecases.bounces.intake import LEFT, UNREADABLE, BounceIntake, Taken

log = logging.getLogger(__name__)


class Place(Protocol):
    """Somewhere that returned mails lie."""

    def items(self, *, fresh: bool) -> Iterator[Item]:
        """Give everything there is, or only what was not put away yet; raises NotNow when the place is away."""

    def put_away(self, name: str, *, readable: bool) -> None:
        """Remember that an item is done with; raises OSError or NotNow when that cannot be written."""


@dataclass(slots=True)
class Collector:
    """Takes what is fresh in a place, again and again, and puts it away.

    What cannot be put away is remembered, so that it is taken once by this process and not for ever.
    """

    place: Place
    bouncing: BounceIntake
    _kept: set[str] = field(default_factory=set)

    def collect(self, by: str, go_on: Callable[[], bool] = lambda: True) -> int:
        """Take what is fresh, as long as `go_on` says so, and return how many mails that was. Raises NotNow."""
        taken: list[Taken] = []
        try:
            for item in self.place.items(fresh=True):
                if not go_on():
                    break
                if item.name not in self._kept:
                    taken += self._take(item)
        finally:
            if taken:
                self.bouncing.record(taken, str(self.place), by)
        return len(taken)

    def _take(self, item: Item) -> list[Taken]:
        taken = list(self.bouncing.take_each(item.letters))
        if not taken or any(bounce.followed == LEFT for bounce in taken):
            return taken
        try:
            self.place.put_away(item.name, readable=any(bounce.followed != UNREADABLE for bounce in taken))
        except FileNotFoundError:
            return taken  # another sender was as quick
        except OSError as error:
            self._kept.add(item.name)
            log.warning("%s cannot be put away: %s", self.place, error.strerror, extra={"action": "bounces.kept"})
        return taken
