"""Runs the demo: slot by slot through fourteen months, with the real intake, waking, dispatching and serving.

Embedded by default; with Kafka, PostgreSQL or an SMTP server in the settings the same year goes through them, and the
books are the same. It starts from nothing, and refuses a database that holds anything but an earlier demo.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from workers import app
from workers.adapters.clock import FixedClock, StoredClock
from workers.demo import shop, wishes
from workers.demo.people import Crowd, News
from workers.demo.start import begin_from_nothing, demo_brand, demo_settings, doors_of, site_key
from workers.demo.tour import hire
from workers.settings import Settings
from workers.store import due
from workers.store.controls import DEMO, set_control
from workers.store.delivery.claim import MAIL
from workers.usecases.delivery.send_controls import Sending, sending_now
from workers.usecases.delivery.sender import Delivery
from workers.usecases.operation import status as counting
from workers.usecases.outbox_relay import OutboxRelay

T = TypeVar("T")
SLOT_HOURS = (10, 17)
"""Local hours at which the shop's CRM publishes what happened since, and the demo looks at what is due; between them
people act at their own time."""
SENDING_ALWAYS = Sending(blocked="", held="", per_day=0, per_second=0, only_to=frozenset(), redirect="")


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo made: the groups of `status`, how it was made, and the fingerprint of its books."""

    status: dict[str, object]
    seed: int
    customers: int
    seconds: float
    parts: dict[str, str]
    digest: str
    sums_hold: bool

    def as_dict(self) -> dict[str, object]:
        """Return the one line of `boucle demo --format json`."""
        return {
            **self.status,
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "customers": self.customers,
            "parts": self.parts,
            "digest": self.digest,
            "sums_hold": self.sums_hold,
        }


class AtOnce(ThreadPoolExecutor):
    """Does what it is given at once, in the thread that gives it.

    Nothing else goes on in a demo's loop meanwhile, and one thread keeps one connection, whose cache stays good.
    """

    def submit(self, fn: Callable[..., T], /, *args: Any, **named: Any) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **named))
        except BaseException as error:  # handed to who waits for it
            done.set_exception(error)
        return done


class Demo:
    """One demo year; `tell` hears the share that is done."""

    def __init__(self, settings: Settings, *, seed: int, customers: int, tell: Callable[[float], None]) -> None:
        self.settings = demo_settings(settings, seed)
        self.seed = seed
        self.customers = customers
        self._tell = tell

    def run(self) -> DemoResult:
        """Make the year and return its figures; the database's clock ticks on from its end."""
        started = time.monotonic()
        begin_from_nothing(self.settings, self.seed)
        stored = StoredClock(app.Boucle(self.settings).store)
        real = bool(self.settings.kafka_bootstrap)
        stored.set(shop.START.astimezone(UTC))
        fixed = FixedClock(shop.START.astimezone(UTC))
        parts = app.start(
            self.settings,
            clock=None if real else fixed,
            sending=SENDING_ALWAYS,
            brand=demo_brand(self.settings),
        )
        parts.store.forgo_durability()

        def set_clock(at: datetime) -> None:
            fixed.at = at
            if real:
                stored.set(at)

        set_control_demo(parts)
        hire(parts)
        with asyncio.Runner() as runner, doors_of(parts) as door:
            runner.get_loop().set_default_executor(AtOnce(max_workers=1))
            persons = shop.people(self.seed, self.customers)
            year = Year(parts, persons, self.seed, set_clock, door.take, runner)
            for share in year.drive():
                self._tell(share)
        stored.set(shop.END.astimezone(UTC), ticking=True)
        return self._result(parts, time.monotonic() - started)

    def _result(self, parts: app.Boucle, seconds: float) -> DemoResult:
        with parts.store.reading() as connection:
            now = shop.END.astimezone(UTC)
            status = counting.status(connection, now, sending=sending_now(connection, parts.sending))
            books = counting.read_books(connection)
        return DemoResult(
            status=status,
            seed=self.seed,
            customers=self.customers,
            seconds=seconds,
            parts={
                "transport": "kafka" if self.settings.kafka_bootstrap else "embedded",
                "database": parts.store.dialect,
                "mail": "smtp" if self.settings.has_smtp else "mailbox",
            },
            digest=books.digest(),
            sums_hold=books.ok(),
        )


def set_control_demo(parts: app.Boucle) -> None:
    """Mark the database as a demo's, so that the next demo may start from nothing."""
    now = shop.START.astimezone(UTC)
    parts.store.write(lambda connection: set_control(connection, DEMO, "yes", now, "demo"))


class Year:
    """The driver: moves the clock only when nothing is due and everything published has been taken in."""

    def __init__(
        self,
        parts: app.Boucle,
        persons: list[shop.Person],
        seed: int,
        set_clock: Callable[[datetime], None],
        take: Callable[[list[shop.ShopEvent]], None],
        runner: asyncio.Runner,
    ) -> None:
        self._parts = parts
        self._set_clock = set_clock
        self._take = take
        self._runner = runner
        self._events = shop.year(seed, persons)
        self._texting = parts.texting()
        self._crowd = Crowd(
            parts, {person.id: person for person in persons}, seed, site_key(seed).encode(), self._send_texts
        )
        self._crowd.plan_ahead(self._events)
        lead = wishes.Lead(parts)
        for number, deed in enumerate(wishes.DEEDS):
            self._crowd.plan(deed.at, f"lead/{number}", partial(lead.do, deed.name))
        self._dispatching: Delivery = parts.outgoing.delivery()
        self._relaying: OutboxRelay = parts.outgoing.outbox_relay()
        self._next_due: datetime | None = None
        self._news: set[News] = set()

    def drive(self) -> Iterator[float]:
        """Go through every slot; gives the share of the year that is done."""
        before = shop.START.astimezone(UTC) - timedelta(days=1)
        next_event = 0
        slots = list(slots_of_the_year())
        for number, slot in enumerate(slots):
            batch = []
            while next_event < len(self._events) and self._events[next_event].at <= slot:
                batch.append(self._events[next_event])
                next_event += 1
            self._slot(slot, batch)
            if self._news:
                self._crowd.notice(before, slot, self._news)
                self._news.clear()
            before = slot
            yield (number + 1) / len(slots)
        self._relaying.relay_all()

    def _slot(self, slot: datetime, batch: list[shop.ShopEvent]) -> None:
        """Do what people, the CRM and the clock bring until a slot."""
        acted = False
        for act in self._crowd.due(slot):
            self._set_clock(act.at)
            act.do()
            acted = True
        if not acted and not batch and (self._next_due is None or self._next_due > slot):
            return
        self._set_clock(slot)
        if batch:
            self._take(batch)
        self._settle(slot)

    def _settle(self, slot: datetime) -> None:
        """Wake and send until nothing is due."""
        moved = 1
        while moved:
            woken = self._parts.scheduler.wake_some()
            sent = self._runner.run(self._dispatching.send_some((MAIL,)))
            self._news |= {kind for kind, count in ((News.TICKET, woken), (News.MAIL, sent)) if count}
            with self._parts.store.reading() as connection:
                self._next_due = due.next_due(connection)
            if self._next_due is None or self._next_due > slot:
                return
            moved = woken + sent + self._send_texts()

    def _send_texts(self) -> int:
        """Hand over the SMS that are due, and return how many."""
        texted = self._runner.run(self._texting.send_all()) if self._texting else 0
        if texted:
            self._news.add(News.TEXT)
        return texted


def slots_of_the_year() -> Iterator[datetime]:
    """Give the instants at which the driver stops and events are published; the last is the end."""
    day = shop.START.replace(hour=0)
    while day.date() <= shop.END.date():
        for hour in SLOT_HOURS:
            at = day.replace(hour=hour)
            if shop.START <= at < shop.END:
                yield at.astimezone(UTC)
        day += timedelta(days=1)
    yield shop.END.astimezone(UTC)
