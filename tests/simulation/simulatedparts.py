"""Simulated parts: database, mail server, broker and outlet that fail as real ones do, when chance says so.

Every failure is drawn from the faults that a run may have (`Trouble`) and kept in its list; the truth of what left and
what was acknowledged is kept beside it, out of reach of the product. Holds no test.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from virtualtime import Process, VirtualTime

from workers.adapters.kafka.partition_log import Extent, LogRecord, Stretch
from workers.domain.delivery_result import SendKind, SendResult
from workers.errors import NotNow
from workers.process.outages import Outages
from workers.store.engine import Store, connect

T = TypeVar("T")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""What the database's own clock says when a run begins; business time is another one."""
FAULTS = (
    "kill",
    "freeze",
    "database-away",
    "statement-fails",
    "commit-unknown",
    "collision",
    "mail-later",
    "mail-cut",
    "mail-stall",
    "mail-away",
    "broker-away",
    "position-lost",
    "passed-over",
    "answer-lost",
    "zombie",
)
"""Every fault there is; a run has some of them, as its seed says."""
SERVER = "smtp://mail.example:25"


@dataclass(slots=True)
class Trouble:
    """Which faults a run may have, how likely each is where it could come, and which came."""

    chance: Random
    faults: frozenset[str]
    most: int = 14
    came: list[tuple[float, str, str]] = field(default_factory=list)
    off: bool = False

    def strikes(self, fault: str, likely: float, at: float, where: str = "") -> bool:
        """Tell, and remember, whether a fault comes now."""
        if self.off or fault not in self.faults or len(self.came) >= self.most or self.chance.random() >= likely:
            return False
        self.came.append((round(at, 3), fault, where))
        return True


class Engines:
    """One engine for every run of a process: what SQLAlchemy compiled once serves all of them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "simulated.db"
        self.current: Database | None = None
        self.engine: Engine = connect(f"sqlite:///{self.path}")
        sa.event.listen(self.engine, "connect", self._connected)
        sa.event.listen(self.engine, "before_cursor_execute", self._executes)
        self._do_commit = self.engine.dialect.do_commit
        vars(self.engine.dialect)["do_commit"] = self._commits

    def _connected(self, connection: Any, _record: object) -> None:
        connection.create_function("strftime", 2, self._strftime)
        connection.execute("PRAGMA synchronous=OFF")

    def _strftime(self, form: str, _what: str) -> str:
        assert self.current is not None
        now = self.current.now()
        return now.strftime(
            form.replace("%f", f"{now:%S}.{now.microsecond // 1000:03}")
        )  # in SQLite %f is seconds and thousandths

    def _executes(self, *_: Any) -> None:
        if self.current is not None:
            self.current.executes()

    def _commits(self, connection: Any) -> None:
        how = self.current.how_to_commit() if self.current is not None else ""
        if how == "undone":
            connection.rollback()
        else:
            self._do_commit(connection)
        if how:
            raise sqlite3.OperationalError("disk I/O error")

    def close(self) -> None:
        """Close every connection."""
        self.current = None
        self.engine.dispose()


class Database:
    """One SQLite file that several processes share, with a clock and faults of its own."""

    def __init__(self, engines: Engines, content: sqlite3.Connection, scheduler: VirtualTime, trouble: Trouble) -> None:
        self.path = engines.path
        self.engine = engines.engine
        self.scheduler = scheduler
        self.trouble = trouble
        self.away_until = 0.0
        self._calm_until = 0.0
        self._statement: int | None = None
        self._error: Exception | None = None
        self._commit = ""
        self.look = sqlite3.connect(self.path, isolation_level=None)
        content.backup(self.look)
        self.look.row_factory = sqlite3.Row
        engines.current = self

    def now(self) -> datetime:
        """Return the database's own time."""
        return EPOCH + timedelta(seconds=self.scheduler.now)

    def executes(self) -> None:
        """Fail, where a statement of this transaction is to fail."""
        if self._statement is None:
            return
        self._statement -= 1
        if self._statement < 0 and self._error is not None:
            error, self._error = self._error, None
            raise error

    def how_to_commit(self) -> str:
        """Return, once, what becomes of this transaction's commit whose outcome is not told; empty: it commits."""
        how, self._commit = self._commit, ""
        return how

    def plan(self, process: Process, *, writing: bool) -> None:
        """Decide what goes wrong in the transaction that begins now."""
        at, trouble = self.scheduler.now, self.trouble
        self._statement, self._error, self._commit = None, None, ""
        if at >= self._calm_until and trouble.strikes("database-away", 0.01, at, process.name):
            self.away_until = at + trouble.chance.choice((0.5, 3.0, 12.0))
            self._calm_until = self.away_until + 120.0
        if at < self.away_until:
            self._statement, self._error = 0, broken("unable to open database file")
        elif trouble.strikes("statement-fails", 0.03, at, process.name):
            self._statement, self._error = trouble.chance.randrange(8), broken("disk I/O error")
        elif writing and trouble.strikes("collision", 0.04, at, process.name):
            self._statement, self._error = trouble.chance.randrange(8), collision()
        elif writing and trouble.strikes("commit-unknown", 0.04, at, process.name):
            self._commit = trouble.chance.choice(("done", "undone"))

    def forget(self) -> None:
        """Let nothing that was planned, and did not come about, hit the next transaction."""
        self._statement, self._error, self._commit = None, None, ""

    def close(self) -> None:
        """Close what looks at it."""
        self.look.close()


def broken(text: str) -> Exception:
    """Return the error of a database that is away, as SQLAlchemy raises it."""
    return sa.exc.OperationalError("a statement", None, sqlite3.OperationalError(text))


def collision() -> Exception:
    """Return the error of a transaction that met another writer (PostgreSQL's serialization_failure)."""
    driven = sqlite3.OperationalError("could not serialize access")
    vars(driven)["sqlstate"] = "40001"
    return sa.exc.OperationalError("a statement", None, driven)


class SharedStore(Store):
    """One process's store: others go on before and after each transaction."""

    def __init__(self, database: Database, process: Process) -> None:
        self.url = f"sqlite:///{database.path}"
        self.engine = database.engine
        self.sqlite = True
        self.outages = Outages(lambda: database.scheduler.now, database.now)
        self._database = database
        self._process = process

    @contextmanager
    def reading(self, *, patient: bool = False) -> Iterator[Connection]:
        self._database.scheduler.point()
        self._database.plan(self._process, writing=False)
        try:
            with super().reading(patient=patient) as connection:
                yield connection
        finally:
            self._database.forget()

    def write(self, work: Callable[[Connection], T], *, patient: bool = False) -> T:
        self._database.scheduler.point()
        self._database.plan(self._process, writing=True)
        try:
            done = super().write(work, patient=patient)
        finally:
            self._database.forget()
        self._database.scheduler.point()
        return done


@dataclass(slots=True)
class Taken:
    """One mail that the server took: when it was offered, and when its 250 was read, if ever."""

    message_id: str
    recipient: str
    raw: bytes
    sender: Process
    offered_at: float
    read_at: float | None = None
    lost_with_sender: bool = False


class MailServer:
    """Takes mails, puts them off, cuts the line, stalls, goes away; one for all senders."""

    def __init__(self, scheduler: VirtualTime, trouble: Trouble) -> None:
        self._scheduler = scheduler
        self._trouble = trouble
        self._away_until = 0.0
        self.taken: list[Taken] = []
        self.on_the_way: dict[str, list[Taken]] = defaultdict(list)

    async def take(self, process: Process, recipient: str, raw: bytes, sleep: Callable[[float], Any]) -> SendResult:
        """Take one mail as a server does, and answer."""
        trouble, offered = self._trouble, self._scheduler.now
        if trouble.strikes("mail-away", 0.05, offered, process.name):
            self._away_until = offered + trouble.chance.choice((1.0, 40.0, 400.0))
        await sleep(trouble.chance.random())
        if self._scheduler.now < self._away_until:
            return SendResult(SendKind.LATER, 0, "the mail server is away: connection refused", everyone=True)
        if trouble.strikes("mail-later", 0.08, offered, process.name):
            return SendResult(SendKind.LATER, 450, "450 4.2.1 mailbox busy")
        if trouble.strikes("mail-stall", 0.06, offered, process.name):
            await sleep(trouble.chance.choice((20.0, 70.0, 400.0)))
        cut = trouble.strikes("mail-cut", 0.08, offered, process.name)
        if cut and trouble.chance.random() < 0.4:
            return SendResult(SendKind.UNKNOWN, 0, "the line was cut in DATA")
        message_id = str(message_from_bytes(raw)["Message-ID"])
        taken = Taken(message_id, recipient, raw, process, offered)
        self.taken.append(taken)
        self.on_the_way[process.name].append(taken)
        await sleep(trouble.chance.random())
        if cut:
            self.on_the_way[process.name].remove(taken)
            return SendResult(SendKind.UNKNOWN, 0, "the line was cut before the 250")
        taken.read_at = self._scheduler.now
        return SendResult(SendKind.ACCEPTED, 250, "250 2.0.0 kept")

    def sender_died(self, process: Process, recorded: Callable[[str], bool]) -> None:
        """Remember which 250s a sender took with it: read or not, they were not recorded."""
        for taken in self.on_the_way.pop(process.name, []):
            if not recorded(taken.message_id):
                taken.lost_with_sender = True


class Postman:
    """One sender's way to the mail server."""

    server = SERVER

    def __init__(self, mails: MailServer, process: Process, sleep: Callable[[float], Any]) -> None:
        self._mails = mails
        self._process = process
        self._sleep = sleep

    async def send(self, envelope_from: str, recipient: str, raw: bytes) -> SendResult:
        """Hand one mail over."""
        return await self._mails.take(self._process, recipient, raw, self._sleep)

    async def close(self) -> None:
        """Do nothing: no connection is kept."""


class Broker:
    """Topics with two partitions each, one group's positions, and what the outbox was relayed to."""

    def __init__(self, scheduler: VirtualTime, trouble: Trouble) -> None:
        self._scheduler = scheduler
        self._trouble = trouble
        self.logs: dict[tuple[str, int], list[LogRecord]] = {}
        self.committed: dict[tuple[str, int], int] = defaultdict(int)
        self.acknowledged: list[bytes] = []
        self.published: list[tuple[str, str, bytes]] = []
        self.was_passed_over = False

    def append(self, topic: str, key: str, value: bytes, headers: tuple[tuple[str, bytes], ...]) -> None:
        """Keep one message."""
        partition = sum(key.encode()) % 2
        log = self.logs.setdefault((topic, partition), [])
        log.append(LogRecord(topic, partition, len(log), value, headers))

    def behind(self) -> list[tuple[str, int]]:
        """Return the partitions that have messages after the group's position."""
        return [place for place, log in self.logs.items() if self.committed[place] < len(log)]

    def commit(self, place: tuple[str, int], position: int) -> None:
        """Move the group's position on: what is before it counts as consumed."""
        if position > self.committed[place]:
            self.acknowledged += [record.value for record in self.logs[place][self.committed[place] : position]]
            self.committed[place] = position

    # What the audit asks

    def cluster(self) -> str:
        return "simulated"

    def stretches(self) -> Sequence[Stretch]:
        return [
            Stretch(topic, f"id of {topic}", partition, 0, len(log), self.committed[topic, partition])
            for (topic, partition), log in self.logs.items()
        ]

    def read(self, topic: str, partition: int, first: int, last: int) -> Iterable[LogRecord]:
        return self.logs[topic, partition][first : last + 1]

    def extents(self) -> tuple[str, Sequence[Extent]]:
        return self.cluster(), self.stretches()

    def move_on(self, topic: str, partition: int, offset: int) -> None:
        self.commit((topic, partition), offset)


class Outlet:
    """One relay's way to the broker."""

    def __init__(self, broker: Broker, scheduler: VirtualTime, trouble: Trouble, process: Process) -> None:
        self._broker = broker
        self._scheduler = scheduler
        self._trouble = trouble
        self._process = process

    def publish(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        """Keep the messages, or be away before or after some of them were kept."""
        self._scheduler.point()
        kept = len(messages)
        away = self._trouble.strikes("broker-away", 0.08, self._scheduler.now, self._process.name)
        if away:
            kept = self._trouble.chance.randrange(len(messages) + 1)
        self._broker.published += messages[:kept]
        self._scheduler.point()
        if away:
            raise NotNow("Kafka does not answer.")

    def close(self) -> None:
        """Do nothing: no connection is kept."""

    @staticmethod
    def id_of(message: tuple[str, str, bytes]) -> str:
        """Return the id of a published event."""
        return str(orjson.loads(message[2]).get("id"))
