"""Each role is ended with SIGKILL in mid-work, started again, and the story ends with the same books.

The moments are chosen by a seed and waited for (a row, a mail in the server's hand), never slept for. Mails that were
in state `sending` may leave twice, and are counted as copies; nothing else does.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from random import Random

import httpx
import pytest
import sqlalchemy as sa
from aiosmtpd.smtp import SMTP, Envelope, Session
from driver import Words, books_of, play
from mailcatcher import MailCatcher, serve
from parts import poll
from story import Story
from worlds import Apart, Embedded, dead_letter_reasons

from workers.domain.invariants import difference
from workers.domain.records import Dispatch
from workers.domain.types import DispatchState
from workers.store import read, tables
from workers.usecases.operation import status

STORY = Story(seed=11, customers=30, days=60)
Moment = Callable[[sa.Connection], bool]


class HoldingCatcher(MailCatcher):
    """A mail server that holds one mail in its hand until it is told to go on."""

    __slots__ = ("go_on", "held", "hold_in")

    def __init__(self) -> None:
        super().__init__()
        self.hold_in = -1
        self.held, self.go_on = threading.Event(), threading.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # aiosmtpd's name
        """Keep the mail; the one that is waited for is held before anybody is told."""
        answer = await super().handle_DATA(server, session, envelope)
        self.hold_in -= 1
        if self.hold_in == 0:
            self.held.set()
            await asyncio.to_thread(self.go_on.wait, 60)
        return answer


class Killing(Apart):
    """The roles apart, with a killer that strikes when its moment comes."""

    def prepare(self, seed: int, catcher: HoldingCatcher) -> None:
        """Lay the plan: the order of roles, and after how many mails and answers."""
        self.chance, self.catcher = Random(seed), catcher
        self.kills: list[str] = []
        self.in_hand: set[str] = set()
        self.errors: list[BaseException] = []
        self.plan = ["stream", "send in hand", "send relaying", "stream", "send leased", "web"]
        self.killer: threading.Thread | None = None
        self.answers_left = self.chance.randrange(2, 8)

    def strike(self, at: datetime) -> None:
        """Start the next killer before a step of the story; it waits for its moment beside the driver."""
        if self.killer is not None and self.killer.is_alive():
            return
        if self.plan and self.plan[0] != "web":
            self.killer = threading.Thread(target=self.kill_once, args=(self.plan.pop(0),))
            self.killer.start()

    def kill_once(self, what: str) -> None:
        """Wait for the moment, kill, start again."""
        try:
            role = what.split()[0]
            if what == "send in hand":
                self.kill_in_hand()
            else:
                self.kill_at(role, MOMENTS[what](self))
            self.kills.append(what)
            self.start(role)
        except BaseException as error:  # told in the test's own thread
            self.errors.append(error)

    def kill_at(self, role: str, moment: Moment) -> None:
        """Kill a role as soon as the database is in a state."""

        def is_now() -> bool:
            with self.store.reading() as connection:
                return moment(connection)

        poll(is_now, 90, f"the moment to kill {role}")
        self.kill_and_remember(role)

    def kill_in_hand(self) -> None:
        """Kill the sender while the mail server has a mail and did not say 250 yet: that one leaves twice."""
        self.catcher.hold_in = self.chance.randrange(1, 6)
        assert self.catcher.held.wait(90), "no mail came to be held"
        self.kill_and_remember("send")
        self.catcher.go_on.set()

    def kill_and_remember(self, role: str) -> None:
        """Kill a role and remember which mails were leaving just then."""
        self.remember_sending()
        self.kill(role)
        self.remember_sending()

    def remember_sending(self) -> None:
        """Remember which mails are leaving right now."""
        with self.store.reading() as connection:
            rows = read.rows(connection, Dispatch, tables.dispatch.c.state == DispatchState.SENDING)
        self.in_hand |= {row.id for row in rows}

    def answer(self, request: str, words: Words) -> None:
        """Answer on the page; once, the web role is killed while it writes the answer, and the person tries again."""
        self.answers_left -= 1
        if self.answers_left == 0:
            self.kill_web_while(lambda: super(Killing, self).answer(request, words), request)
        super().answer(request, words)

    def kill_web_while(self, act: Callable[[], None], request: str) -> None:
        """Hold the customer's row, act, and kill the web role while it waits for the row."""
        failed = []

        def run() -> None:
            try:
                act()
            except httpx.TransportError as error:
                failed.append(error)

        table = tables.survey_request
        with self.store.engine.begin() as connection:
            owner = connection.execute(sa.select(table.c.customer).where(table.c.id == request)).scalar_one()
            read.lock_customers(connection, [owner])
            person = threading.Thread(target=run)
            person.start()
            poll(self.somebody_waits, 60, "the web role to wait for the row")
            self.kill("web")
        person.join()
        assert failed, "the answer went through although the web role was killed"
        self.start("web")
        self.kills.append("web")

    def somebody_waits(self) -> bool:
        """Tell whether a connection to this database waits for a lock."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        with self.store.reading() as connection:
            return bool(connection.execute(sa.text(query)).scalar_one())


def taken_in(world: Killing) -> Moment:
    """Return the moment at which some messages more than now are taken in."""
    with world.store.reading() as connection:
        before = connection.execute(sa.select(sa.func.count()).select_from(tables.inbox)).scalar_one()
    more = world.chance.randrange(1, 6)
    return lambda c: c.execute(sa.select(sa.func.count()).select_from(tables.inbox)).scalar_one() >= before + more


def relaying(world: Killing) -> Moment:
    """Return the moment at which something waits in the outbox."""
    return lambda c: c.execute(sa.select(tables.outbox.c.id).limit(1)).first() is not None


def leased(world: Killing) -> Moment:
    """Return the moment at which a mail is leased or leaving."""
    busy = tables.dispatch.c.state.in_((DispatchState.LEASED, DispatchState.SENDING))
    return lambda c: c.execute(sa.select(tables.dispatch.c.id).where(busy).limit(1)).first() is not None


MOMENTS: dict[str, Callable[[Killing], Moment]] = {
    "stream": taken_in,
    "send relaying": relaying,
    "send leased": leased,
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Play the story where nobody is killed."""
    with Embedded(tmp_path_factory.mktemp("undisturbed") / "home") as world:
        play(STORY, world)
        yield world


def test_killing_every_role_changes_no_book(
    kafka: str, postgres: str, topic_prefix: str, tmp_path: Path, undisturbed: Embedded
) -> None:
    """Six kills in mid-work: the same rows as undisturbed, and only what was being handed over left twice."""
    catcher = HoldingCatcher()
    controller = serve(catcher)
    with Killing(
        tmp_path / "home", kafka, postgres, catcher.url, topic_prefix, batch_size="3", session_seconds="6"
    ) as world:
        world.prepare(3, catcher)
        play(STORY, world, before=world.strike)
        if world.killer:
            world.killer.join()
        assert not world.errors
        assert sorted(world.kills) == sorted(
            ["stream", "stream", "send in hand", "send relaying", "send leased", "web"]
        )
        assert "\n".join(difference(books_of(undisturbed.store), books_of(world.store))) == ""
        assert dead_letter_reasons(world) == dead_letter_reasons(undisturbed)
        with world.store.reading() as connection:
            assert [line for line in status.read_books(connection).sums() if not line["ok"]] == []
            dispatches = read.rows(connection, Dispatch)
    controller.stop()
    left = Counter(mail.message["Message-ID"] for mail in catcher.mails)
    twice = {dispatch.id for dispatch in dispatches if left[dispatch.message_id] > 1}
    assert twice <= world.in_hand
    assert twice, "the mail that was held in hand should have left twice"
    for dispatch in dispatches:
        if dispatch.kind == "mail":
            assert left[dispatch.message_id] <= 1 + dispatch.copies
            assert dispatch.copies == 0 or dispatch.id in world.in_hand
