"""One simulated run of a story: consumers, wakers, senders, relays and pages as processes that fail, in virtual time.

The same seed gives the same run, step by step. `clock_waits`: business time stands still while something fails and is
made good, so that the end must be that of the run in which nothing fails. Otherwise business time goes on meanwhile.
Holds no test.
"""

import asyncio
import atexit
import logging
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random

from embedded import empty_database
from parts import left_behind
from postroom import OPEN
from simulatedparts import EPOCH, FAULTS, Broker, Database, Engines, MailServer, Outlet, Postman, SharedStore, Trouble
from simulatedstory import GRID, Act, Persons, Plot
from story import Message
from virtualtime import Killed, Process, VirtualTime

from workers import app
from workers import settings as settings_module
from workers.domain.policy import Policy
from workers.domain.types import Ingress
from workers.errors import NotNow
from workers.store.controls import set_control
from workers.store.engine import Store, begin_reading
from workers.store.ledger import Incoming
from workers.store.positions import Consumed
from workers.usecases.customer_actions import CustomerActions
from workers.usecases.delivery.sender import Delivery
from workers.usecases.intake import Intake
from workers.usecases.operation import status
from workers.usecases.operation.consumer_audit import ConsumerAudit
from workers.usecases.outbox_relay import OutboxRelay
from workers.usecases.scheduler import ASKINGS, Scheduler
from workers.usecases.testimonials import Testimonials

MEMORY = Path("/dev/shm")
"""Where the database's file lies, if there is such a folder: it is written thousands of times."""
START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
OWN_FOLDER = "boucle-simulated"
PART = timedelta(hours=4)
"""From one part of a stop to the next: longer than answers settle, and than mails that are put off wait."""
RETRIED_WITHIN = timedelta(hours=2)
RETRIED_AT_LAST = timedelta(days=10)
"""At a story's end every mail that was put off leaves; reminders, which nothing put off, are let be."""
RUNS_PER_STORY = 10
STEPS_AT_MOST = 60_000
SENDERS_CONNECTIONS = 2
LEASE_SECONDS = 60.0
INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True)
class House:
    """What every run shares: rules, templates and keys, and the file of a database that knows them."""

    parts: app.Boucle
    content: sqlite3.Connection
    engines: Engines


@cache
def house() -> House:
    """Return it; made once, because reading the rules takes longer than a run."""
    settings = settings_module.read({"BOUCLE_SECRET": "simulated", "BOUCLE_HOME": "unused"})
    parts = app.Boucle(settings)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "begun.db"
        path.write_bytes(empty_database())
        store = Store(f"sqlite:///{path}")
        parts.policies.remember(store, START)
        store.write(lambda connection: set_control(connection, ASKINGS, START.isoformat(), START, "boucle"))
        store.close()
        content = sqlite3.connect(":memory:", check_same_thread=False)
        begun = sqlite3.connect(path)
        begun.backup(content)
        begun.close()
    return House(parts, content, Engines(own_folder(MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir()))))


def own_folder(memory: Path) -> Path:
    """Make this process's folder, which goes with it; those of killed ones, which could not, go now."""
    for left in left_behind(memory, OWN_FOLDER):
        shutil.rmtree(left, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f"{OWN_FOLDER}-{os.getpid()}-", dir=memory))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@dataclass(frozen=True, slots=True)
class Run:
    """Which run it is: of which story, with which order and faults."""

    seed: int
    faults: frozenset[str]
    kept: frozenset[int] | None = None
    clock_waits: bool = True

    @property
    def story(self) -> int:
        """The story's seed: several runs tell the same one, each with faults of its own."""
        return self.seed // RUNS_PER_STORY

    @classmethod
    def of(cls, seed: int) -> "Run":
        """Return the run of a seed: some of the faults, drawn, so that few of them meet often."""
        chance = Random(f"run {seed}")
        faults = frozenset(fault for fault in FAULTS if chance.random() < 0.45)
        return cls(seed, faults or frozenset({"kill"}), None, chance.random() < 0.75)

    def twin(self) -> "Run":
        """Return the same story without faults."""
        return replace(self, seed=self.story * RUNS_PER_STORY, faults=frozenset(), clock_waits=True)


TO_DO = """SELECT
EXISTS (SELECT 1 FROM touchpoint WHERE state IN ('planned', 'held') AND wake_at <= :now)
 OR EXISTS (SELECT 1 FROM response WHERE state = 'settling' AND settles_at <= :now)
 OR EXISTS (SELECT 1 FROM action WHERE state IN ('planned', 'held') AND due_at <= :now)
 OR EXISTS (SELECT 1 FROM survey_request WHERE state IN ('open', 'answered') AND closes_at <= :now)
 OR EXISTS (SELECT 1 FROM ticket WHERE state <> 'done' AND (waiting_until <= :now OR half_time_at <= :now
  OR (first_contact_at IS NULL AND due_at <= :now))) AS wake,
EXISTS (SELECT 1 FROM dispatch WHERE state = 'ready' AND not_before <= :now)
 OR EXISTS (SELECT 1 FROM dispatch WHERE state IN ('leased', 'sending') AND lease_until < :database_now) AS send,
EXISTS (SELECT 1 FROM outbox) AS relay"""
"""Which work is due; the product looks for it by itself, this only says when to let it look."""
NEXT_DUE = (
    "SELECT min(at) FROM ("
    + " UNION ALL ".join(
        f"SELECT min({column}) AS at FROM {table} WHERE {column} > :now AND {waits}"
        for table, column, waits in (
            ("touchpoint", "wake_at", "state IN ('planned', 'held')"),
            ("response", "settles_at", "state = 'settling'"),
            ("action", "due_at", "state IN ('planned', 'held')"),
            ("survey_request", "closes_at", "state IN ('open', 'answered')"),
            ("ticket", "due_at", "state <> 'done' AND first_contact_at IS NULL"),
            ("ticket", "half_time_at", "state = 'open'"),
            ("ticket", "waiting_until", "state = 'waiting'"),
            ("dispatch", "not_before", "state = 'ready'"),
        )
    )
    + ")"
)
RETRIED = (
    "SELECT min(not_before) FROM dispatch WHERE state = 'ready' AND not_before > :now "
    "AND (not_before <= :soon OR (reason <> '' AND not_before <= :until))"
)
LEASES = """SELECT
(SELECT min(lease_until) FROM dispatch WHERE state IN ('leased', 'sending')),
(SELECT min(probe_at) FROM mail_server WHERE failures > 0 AND EXISTS
 (SELECT 1 FROM dispatch WHERE state = 'ready' AND not_before <= :now)),
(SELECT min(until) FROM role_lease WHERE EXISTS (SELECT 1 FROM outbox))"""
"""Until when leases last, a server is left alone, and a relay has its role."""
IN_TURN = {"boucle.scores", "boucle.ticket-updates"}
"""Topics whose messages about one person take effect in the order in which they come."""
TAKE = {"stream", "letters"}
ROLES = {"stream": 2, "letters": 2, "pages": 2, "wake": 2, "send": 2, "relay": 2}
"""The processes of a run: how many of each."""


class Unrest(Exception):
    """A run that does not come to rest."""


@dataclass(slots=True)
class Truth:
    """What the world knows of a run, whatever the product's rows say."""

    acknowledged: dict[bytes, str] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    logged: list[str] = field(default_factory=list)
    kills: int = 0


class Errors(logging.Handler):
    """Keeps the errors that the product logs with a traceback: each is a fault of its own."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self._kept.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


class Role:
    """One role of the installation in a process: which use cases it has, and what one round of it does."""

    def __init__(self, world: "Simulation", name: str, number: int, process: Process) -> None:
        parts, store, now = house().parts, SharedStore(world.database, process), world.now
        policy = parts.policies.current
        self.world = world
        self.name = name
        self.number = number
        self.process = process
        self.key = f"{name}{number}"
        self.intake = Intake(store, parts.files.codec, policy, now)
        self.auditing = ConsumerAudit(store, self.intake, world.broker)
        self.scheduler = Scheduler(store, policy, now, OPEN)
        self.customer_actions = CustomerActions(store, policy, now)
        self.testimonials = Testimonials(store, self.customer_actions)
        outlet = Outlet(world.broker, world.scheduler, world.trouble, process)
        self.relaying = OutboxRelay(store, outlet, process.name)
        postman = Postman(world.mails, process, asyncio.sleep)
        self.dispatching = Delivery(
            store,
            policy,
            now,
            parts.files.templates,
            OPEN,
            postman,
            None,
            connections=SENDERS_CONNECTIONS,
            lease_seconds=LEASE_SECONDS,
        )

    def begin(self) -> bool:
        """Begin a round; False when others have in hand what there is to do."""
        if self.name == "send":
            self.world.scheduler.begin(self.process, self.dispatching.send_mails(), self._ended_of(None))
            return True
        work: Callable[[], object] | None
        work, hold = getattr(self, f"_{self.name}")()
        if work is None:
            return False
        self.world.in_hand.add(hold)
        self.world.scheduler.start(self.process, work, self._ended_of(hold))
        return True

    def _ended_of(self, hold: object) -> Callable[[object, BaseException | None], None]:
        began = self.world.scheduler.now

        def ended(value: object, error: BaseException | None) -> None:
            world = self.world
            world.ended += 1
            world.in_hand.discard(hold)
            if isinstance(error, NotNow):
                world.rests[self.key] = world.scheduler.now + 0.5 + 2.0 * world.chance.random()
            elif error is not None and not isinstance(error, (Killed, asyncio.CancelledError)):
                world.failure = world.failure or error
            elif error is None and value == 0 and not world.came_due_since(began):
                world.found_nothing[self.name] = world.state()

        return ended

    def _wake(self) -> "Round":
        return (self.scheduler.wake_all if self.world.chance.random() < 0.2 else self.scheduler.wake_some), self.key

    def _relay(self) -> "Round":
        return self.relaying.relay_all, self.key

    def _stream(self) -> "Round":
        """Take some messages of a partition in and move the group's position on."""
        world, broker = self.world, self.world.broker
        behind = broker.behind()
        if broker.was_passed_over and (not behind or world.chance.random() < 0.3):
            return self._audit, self.key
        zombie = world.trouble.strikes("zombie", 0.2, world.scheduler.now, self.key)
        mine = [place for place in behind if zombie or place not in world.in_hand]
        if not mine:
            return None, None
        place = world.chance.choice(mine)
        first = broker.committed[place]
        records = broker.logs[place][first : first + world.chance.randrange(1, 6)]

        def take() -> object:
            last = records[-1].offset
            if world.trouble.strikes("passed-over", 0.08, world.scheduler.now, self.key):
                broker.was_passed_over = True
                world.is_out_of_turn = world.is_out_of_turn or place[0] in IN_TURN
            else:
                batch = [Incoming(record.value, record.headers, None, *place, record.offset) for record in records]
                self.intake.take(
                    batch, Ingress.KAFKA, [Consumed("simulated", f"id of {place[0]}", place[1], first, last)]
                )
                if world.trouble.strikes("position-lost", 0.1, world.scheduler.now, self.key):
                    return None
            broker.commit(place, last + 1)
            return None

        return take, place

    def _audit(self) -> object:
        self.world.broker.was_passed_over = False
        try:
            return self.auditing.audit()
        except BaseException:
            self.world.broker.was_passed_over = True
            raise

    def _letters(self) -> "Round":
        """Take one event in over HTTP; whoever sent it sends it again until they have read an answer."""
        world = self.world
        waiting = [letter for letter in world.letters if id(letter) not in world.in_hand]
        if not waiting:
            return None, None
        message = world.chance.choice(waiting)

        def take() -> object:
            headers = {name: value.decode() for name, value in message.headers}
            (outcome,) = self.intake.take([Incoming(message.body, headers, headers.get("content-type"))], Ingress.HTTP)
            world.scheduler.point()
            if not world.trouble.strikes("answer-lost", 0.1, world.scheduler.now, self.key):
                world.truth.acknowledged[message.body] = str(outcome.taken)
                world.letters = [letter for letter in world.letters if letter is not message]
            return None

        return take, id(message)

    def _pages(self) -> "Round":
        """Let a person do one thing; they do it again until the page says that it is done."""
        world = self.world
        waiting = [act for act in sorted(world.acts) if act not in world.in_hand]
        if not waiting:
            return None, None
        customer = world.chance.choice(waiting)
        act = world.acts[customer][0]

        def do() -> object:
            taken = act.carry_out(self.customer_actions, self.testimonials)
            world.scheduler.point()
            if world.trouble.strikes("answer-lost", 0.1, world.scheduler.now, self.key):
                return None
            if taken and act.kind == "answer":
                world.truth.answers[str(act.values[0])] = int(str(act.values[1]))
            world.acts[customer].remove(act)
            if not world.acts[customer]:
                del world.acts[customer]
            return None

        return do, customer


Round = tuple[Callable[[], object] | None, object]


class Simulation:
    """Plays one run to its end; afterwards `database`, `mails`, `broker` and `truth` are there to be judged."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.plot = Plot.of(run.story, run.kept)
        self.chance = Random(f"order {run.seed}")
        self.scheduler = VirtualTime(self.chance)
        self.trouble = Trouble(self.chance, run.faults)
        self.database = Database(house().engines, house().content, self.scheduler, self.trouble)
        self.mails = MailServer(self.scheduler, self.trouble)
        self.broker = Broker(self.scheduler, self.trouble)
        self.people = Persons(self.plot)
        self.truth = Truth()
        self.stopped_at = START
        self.stops: list[datetime] = []
        """Where the clock stopped so far."""
        self._moved_at = 0.0
        self._born = 0
        self._jumps = 0
        self.ended = 0
        self.failure: BaseException | None = None
        self.is_out_of_turn = False
        """Whether something was passed over that means something else when it is found and taken later."""
        self.letters: list[Message] = []
        self.acts: dict[str, list[Act]] = {}
        self.in_hand: set[object] = set()
        self.rests: dict[str, float] = {}
        self.found_nothing: dict[str, tuple[datetime, int, int]] = {}
        self.roles = [self._new(role, number) for role in ROLES for number in range(ROLES[role])]

    # Time and processes

    def now(self) -> datetime:
        """Return business time."""
        if self.run.clock_waits:
            return self.stopped_at
        return self.stopped_at + timedelta(seconds=self.scheduler.now - self._moved_at)

    def _new(self, role: str, number: int) -> "Role":
        self._born += 1
        process = Process(f"{role}{number}/{self._born}")
        self.scheduler.processes.append(process)
        return Role(self, role, number, process)

    def _restart(self, role: "Role") -> None:
        """Kill a role's process and let a supervisor start another one."""
        self.truth.kills += 1
        self.scheduler.kill(role.process)
        self.mails.sender_died(role.process, self._is_recorded)
        self.scheduler.processes.remove(role.process)
        self.roles[self.roles.index(role)] = self._new(role.name, role.number)

    def _is_recorded(self, message_id: str) -> bool:
        query = "SELECT 1 FROM dispatch WHERE message_id = ? AND state = 'accepted'"
        return self.database.look.execute(query, (message_id,)).fetchone() is not None

    # The story

    def play(self, stops: Sequence[datetime] | None = None) -> None:
        """Play the story from stop to stop: those given, else where something is due.

        Raises Unrest, and whatever a role lets escape.
        """
        listener, root = Errors(self.truth.logged), logging.getLogger("workers")
        root.addHandler(listener)
        propagates, root.propagate = root.propagate, False
        try:
            waiting = list(self.plot.messages)
            coming = None if stops is None else iter(stops)
            at: datetime | None = self.plot.start
            while at is not None and at <= self.plot.end:
                self.stops.append(at)
                self._move(at)
                due = [message for message in waiting if message.at <= at]
                waiting = waiting[len(due) :]
                self._stop(due)
                at = self._next_stop(waiting) if coming is None else next((to for to in coming if to > at), None)
            self._part({"wake"}, RETRIED_AT_LAST)
        finally:
            root.removeHandler(listener)
            root.propagate = propagates

    def _stop(self, due: list[Message]) -> None:
        """Play one stop of the clock, part after part at fixed hours, where the order of parts means something.

        Before each part mails that were put off have left: nobody answers what they did not get.
        """
        waits = self.run.clock_waits
        self._part({"wake"})
        self._publish(due)
        if waits:
            self.settle(TAKE)
        self._part(TAKE | {"wake"})
        self.people.notice(self.database.look)
        acts = self.people.due(self.stopped_at)
        for topic in ("boucle.scores", "boucle.ticket-updates"):
            if messages := [
                answering.message for answering in acts if answering.message and str(answering.message.topic) in topic
            ]:
                self._publish(messages)
                if waits:
                    self.settle(TAKE)
                self._part(TAKE | {"wake"})
        for act in acts:
            if act.message is None:
                self.acts.setdefault(act.customer, []).append(act)
        if waits:
            self.settle({"pages"})
        self._part({"pages", "wake"})
        self._part({"wake"})

    def _part(self, allowed: set[str], within: timedelta = RETRIED_WITHIN) -> None:
        """Let the roles work, let mails that were put off leave, and move the clock to the next part."""
        began = self.stopped_at
        self.settle(allowed)
        while (again := self._retried(within)) is not None:
            self._move(again)
            self.settle(set())
        self._move(began + PART)

    def _move(self, at: datetime) -> None:
        self.stopped_at, self._moved_at = max(at, self.now()), self.scheduler.now

    def _next_stop(self, waiting: list[Message]) -> datetime | None:
        """Return the next of the clock's stops at which there is something to do."""
        self.people.notice(self.database.look)
        row = self.database.look.execute(NEXT_DUE, {"now": self.now().strftime(INSTANT)}).fetchone()
        moments = [datetime.fromisoformat(row[0])] if row[0] else []
        moments += [message.at for message in waiting[:1]]
        if (acts := self.people.next_at()) is not None:
            moments.append(acts)
        if not moments:
            return None
        steps = max(1, -((self.plot.start - min(moments)) // GRID))
        following = self.plot.start + GRID * steps
        while following <= self.now():
            following += GRID
        return following

    def _retried(self, within: timedelta) -> datetime | None:
        """Return when a mail that was put off leaves again, if that is soon: nothing else is waited for there."""
        now = self.now()
        moments = {"now": now, "soon": now + RETRIED_WITHIN, "until": now + within}
        between = {name: moment.strftime(INSTANT) for name, moment in moments.items()}
        row = self.database.look.execute(RETRIED, between).fetchone()
        return datetime.fromisoformat(row[0]) if row[0] else None

    def _publish(self, messages: list[Message]) -> None:
        """Send messages on their ways; who has several that are taken in turn sends them by Kafka, which keeps it."""
        in_turn = Counter(message.key for message in messages if str(message.topic) in IN_TURN)
        for message in messages:
            waits = str(message.topic) == "boucle.ticket-updates" or in_turn[message.key] > 1
            if self.plot.by_http(message) and not waits:
                self.letters.append(message)
            else:
                self.broker.append(str(message.topic), message.key, message.body, message.headers)
        self.chance.shuffle(self.letters)

    # Rest

    def settle(self, allowed: set[str]) -> None:
        """Let the roles work until nothing is left to do; mails and messages always leave."""
        self._begin(allowed)
        while True:
            if self.scheduler.steps > STEPS_AT_MOST:
                raise Unrest(f"no rest after {STEPS_AT_MOST} steps at {self.now()}: {self._to_do(allowed)}")
            before, ended = self.scheduler.now, self.ended
            if not self.scheduler.step() and not self._begin(allowed):
                if (until := self._waits_until()) is None:
                    return
                self.scheduler.now = until + 0.01
                self._jumps += 1
            if self.failure is not None:
                raise self.failure
            self._strike()
            jumped = self.scheduler.now - before > 0.5
            self._jumps += jumped
            if jumped or self.ended != ended or self.chance.random() < 0.03:
                self._begin(allowed)

    def _begin(self, allowed: set[str]) -> bool:
        """Begin a round of some roles that have something to do; False when none began."""
        to_do = self._to_do(allowed)
        began = False
        if not to_do:
            return False
        for role in self.chance.sample(self.roles, len(self.roles)):
            if role.name not in to_do or role.process.busy or self.rests.get(role.key, 0.0) > self.scheduler.now:
                continue
            if began and self.chance.random() < 0.6:
                continue
            began = role.begin() or began
        return began

    def _to_do(self, allowed: set[str]) -> set[str]:
        """Return which kinds of work there are for roles that did not find out already that there is none."""
        moments = {"now": self.now().strftime(INSTANT), "database_now": self.database.now().strftime(INSTANT)}
        row = self.database.look.execute(TO_DO, moments).fetchone()
        state = self.state()
        kinds = {name for name in ("wake", "send", "relay") if row[name] and self.found_nothing.get(name) != state}
        if self.broker.behind() or self.broker.was_passed_over:
            kinds.add("stream")
        if self.letters:
            kinds.add("letters")
        if self.acts:
            kinds.add("pages")
        return {kind for kind in kinds if kind in allowed or kind in ("send", "relay")}

    def state(self) -> tuple[datetime, int, int]:
        """Return what must change before a role that found nothing to do may find something."""
        return self.stopped_at, self.database.look.execute("PRAGMA data_version").fetchone()[0], self._jumps

    def _waits_until(self) -> float | None:
        """Return until when a lease, a pause or a probe keeps somebody waiting; None when nobody waits."""
        moments = [*self.rests.values(), *self._lease_ends()]
        return min((at for at in moments if at > self.scheduler.now), default=None)

    def came_due_since(self, began: float) -> bool:
        """Tell whether a lease, a pause or a probe ended meanwhile: who looked before it looks again."""
        return any(began < at <= self.scheduler.now for at in self._lease_ends())

    def _lease_ends(self) -> list[float]:
        row = self.database.look.execute(LEASES, {"now": self.now().strftime(INSTANT)}).fetchone()
        return [(datetime.fromisoformat(text) - EPOCH).total_seconds() for text in row if text]

    def _strike(self) -> None:
        """Kill or stop a process, now and then, wherever it stands."""
        busy = [busy_role for busy_role in self.roles if busy_role.process.busy]
        if not busy:
            return
        role = busy[self.chance.randrange(len(busy))]
        if self.trouble.strikes("kill", 0.006, self.scheduler.now, role.process.name):
            self._restart(role)
        elif self.trouble.strikes("freeze", 0.004, self.scheduler.now, role.process.name):
            role.process.freeze(self.scheduler.now, self.chance.choice((5.0, 70.0, 300.0)))

    # What a run leaves

    @property
    def policy(self) -> Policy:
        """Return the rules in use."""
        return house().parts.policies.current()

    def rows(self) -> list[tuple[str, str]]:
        """Return the comparable rows."""
        with self.database.engine.connect() as connection, begin_reading(connection):
            return sorted(status.book_rows(connection))

    def close(self) -> None:
        """End what is left and close the database."""
        for process in self.scheduler.processes:
            self.scheduler.kill(process)
        self.database.close()
