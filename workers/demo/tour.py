"""The tour of a demo: moves its clock, does what comes due meanwhile, and tells its story.

Only a demo has one. Time moves in steps, so that a reminder leaves before the question that follows it.
"""

import asyncio
import secrets
import threading
from datetime import timedelta

from workers.adapters.clock import StoredClock
from workers.app import Boucle
from workers.demo.story import story
from workers.errors import BadInput
from workers.process.farewell import close_all
from workers.store import due
from workers.usecases.sign_in.accounts import Accounts, Role
from workers.web.http.requests.tour import Story

STEPS = 48
"""At most so many stops on the way, each where something comes due: two weeks are done in a few seconds."""
LONGEST = timedelta(days=31)
PLAYERS = (
    ("claire", Role.AGENT),
    ("nadia", Role.AGENT),
    ("tom", Role.AGENT),
    ("ines", Role.LEAD),
    ("marc", Role.MARKETING),
)
"""Who works in the lamp shop; a visitor may be each of them."""


class Touring:
    """What the pages of a demo offer beside the usual ones."""

    def __init__(self, parts: Boucle) -> None:
        self._parts = parts
        self._clock = StoredClock(parts.store)
        self._token = parts.links.sign("demo-form", secrets.token_urlsafe(16))
        self._story: Story | None = None
        self._moving = threading.Lock()

    @property
    def token(self) -> str:
        """Return what each of the demo's own forms carries."""
        return self._token

    def story(self) -> Story:
        """Return what the data tells; read once, as the year is over."""
        if self._story is None:
            with self._parts.store.reading() as connection:
                self._story = story(connection)
        return self._story

    def advance(self, by: timedelta) -> None:
        """Move the demo's time on and do what comes due meanwhile, in its order; zero does what is due now.

        Raises BadInput for a step back or one of more than a month. Two at once wait for each other.
        """
        if not timedelta(0) <= by <= LONGEST:
            raise BadInput("The demo's time moves on by at most 31 days at once.")
        with self._moving:
            end = self._clock.now() + by
            for _ in range(STEPS if by else 0):
                with self._parts.store.reading() as connection:
                    following = due.next_due(connection)
                if following is None or following >= end:
                    break
                self._clock.set(min(end, max(following, self._clock.now() + by / STEPS)), ticking=True)
                self._settle()
            if by:
                self._clock.set(end, ticking=True)
            self._settle()

    def _settle(self) -> None:
        """Wake and send until nothing is due."""
        while self._parts.scheduler.wake_all() + asyncio.run(self._send()):
            pass
        self._parts.letter_search().search_all()

    async def _send(self) -> int:
        """Hand over what is ready; a mail server's connections belong to this loop, and end with it."""
        delivery, texting = self._parts.outgoing.delivery(), self._parts.texting()
        try:
            texted = await texting.send_all() if texting else 0
            return texted + await delivery.send_all()
        finally:
            await close_all(delivery.close(), *([texting.close()] if texting else []))


def hire(parts: Boucle) -> None:
    """Give the demo its people; whoever is there already stays."""
    people = Accounts(parts.store, parts.now)
    for name, role in PLAYERS:
        if people.find(name) is None:
            people.add(name, role, by="demo")


def login_links(parts: Boucle) -> list[tuple[str, Role, str]]:
    """Return a link for each person that signs them in once."""
    people = Accounts(parts.store, parts.now)
    return [(name, role, f"{parts.links.base}/login/{people.login_token(name)}") for name, role in PLAYERS]
