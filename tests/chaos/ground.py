"""The ground of a chaos run: one installation with its parts, and what can break there. Embedded: one process, SQLite.

Each fault is a method that breaks something, waits, and mends it. What the harness reads, it reads past the proxies.
"""

import contextlib
import json
import os
import resource
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import httpx
import sqlalchemy as sa
from brands import BRAND
from crowd import AT, Deed
from lossy_proxy import Line, Proxy
from mail_part import Taken, read_journal
from mail_process import MailPart
from schedule import Fault
from supervision import Supervisor
from truth import told_in
from verdict import Arrival

from workers import app
from workers import settings as settings_module
from workers.adapters.clock import StoredClock
from workers.devservices.places import free_port
from workers.domain.types import DispatchState, ResponseState
from workers.errors import NotNow
from workers.process.outages import DATABASE, MAIL
from workers.store import tables
from workers.store.engine import Store
from workers.usecases.operation import status
from workers.usecases.operation.migrate import migrate

KEY = "a-key-of-the-chaos-run-0123456789"
SMALLEST_FILE = 4096  # bytes that a process may write into a file while the disk is "full"
ON_ITS_WAY = (DispatchState.LEASED, DispatchState.SENDING)
BUSY_SECONDS = 180.0
"""How long a start may take on a machine that has much else to do."""
ASKING_SECONDS = 60.0
"""How long `boucle status` may take on a busy machine; the fault that it is asked about lasts as long."""
LONGEST_PAUSE = timedelta(minutes=10)
"""No pause between two tries that a run comes to is longer."""


class Ground:
    """What both grounds share: the mail server and its line, the pages and theirs, roles under a supervisor."""

    LEASE_SECONDS = 15.0
    WEIGHTS: Mapping[str, int] = MappingProxyType({})
    LONG: tuple[str, ...] = ()
    """Faults that also come long, and then must be told."""
    SENDERS: tuple[str, ...] = ()
    """The roles that hand mails over."""

    def __init__(self, home: Path, plant: str = "", lease_seconds: float = 0.0) -> None:
        self.endings = contextlib.ExitStack()
        """What was started, each with how it is ended, in the order of their starts."""
        with self.endings:
            self._set_up(home, plant, lease_seconds)
            self.endings = self.endings.pop_all()  # all went well: it lives until close()

    def _set_up(self, home: Path, plant: str, lease_seconds: float) -> None:
        home.mkdir(parents=True, exist_ok=True)
        brand = home / "overrides" / "templates" / "brand.yaml"
        brand.parent.mkdir(parents=True)
        brand.write_text(BRAND.replace("language: fr", "language: en"), encoding="utf-8")
        self.home = home
        self.mail = MailPart(home)
        self.endings.callback(lambda: self.mail.kill())
        self.mail_line = Proxy(free_port(), lambda: ("127.0.0.1", self.mail.port), mail=True)
        self.endings.callback(self.mail_line.close)
        self.web_port = free_port()
        self.web_line = Proxy(free_port(), lambda: ("127.0.0.1", self.web_port))
        self.endings.callback(self.web_line.close)
        own = {
            "home": str(home),
            "overrides": str(home / "overrides"),
            "secret": "one secret for every run",
            "id_secret": "another secret for every run, long enough for ids",
            "clock": "stored",
            "mail_per_day": "0",
            "mail_per_second": "0",
            "rate_limit": "0",
            "api_keys": KEY,
            "http_bind": f"127.0.0.1:{self.web_port}",
            "public_url": f"http://127.0.0.1:{self.web_line.port}",
            "smtp_url": f"smtp://127.0.0.1:{self.mail_line.port}",
            "sending": "on",
            "settling_seconds": "1",
            "tick_seconds": "0.1",
            "lease_seconds": str(lease_seconds or self.LEASE_SECONDS),
            **self.part_settings(),
        }
        self.environment = {f"BOUCLE_{name.upper()}": value for name, value in own.items()}
        self.store = self.make_store()
        self.endings.callback(self.store.close)
        migrate(self.store)
        self.clock = StoredClock(self.store)
        self.clock.set(datetime.fromisoformat(AT) + timedelta(hours=1), ticking=True)
        self.supervisor = Supervisor(home, self.environment, plant, self.role_died)
        self.endings.callback(self.supervisor.close)
        self._read = 0
        self._taken: list[Taken] = []
        self._reading = threading.Lock()

    def part_settings(self) -> dict[str, str]:
        """Return the settings that say where this ground's parts are."""
        return {}

    def published(self) -> list[tuple[str, str]]:
        """Return topic and key of every message that was published."""
        path = self.home / "outbox.jsonl"
        return told_in(path.read_bytes()) if path.exists() else []

    def make_store(self) -> Store:
        """Return the database as the harness reads it."""
        return app.Boucle(settings_module.read(self.environment)).store

    def start(self) -> None:
        """Start the roles, and wait until the pages answer."""
        raise NotImplementedError

    def wait_for_web(self) -> None:
        """Wait until the pages answer."""
        deadline = time.monotonic() + BUSY_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{self.web_port}/healthz", timeout=5).status_code == 200:
                    return
            time.sleep(0.05)
        raise TimeoutError("the pages do not answer")

    def close(self) -> None:
        """Stop everything that was started."""
        self.endings.close()

    # What a run asks of it

    def publish(self, deed: Deed) -> str:
        """Send one event as a CRM does; return how it was answered: taken, refused, or nothing when nobody knows."""
        try:
            reply = httpx.post(
                f"http://127.0.0.1:{self.web_line.port}/v1/events",
                json=deed.body,
                headers={"authorization": f"Bearer {KEY}", "content-type": "application/cloudevents+json"},
                timeout=20,
            )
        except httpx.HTTPError:
            return ""
        return {202: "taken", 400: "refused"}.get(reply.status_code, "")

    def answer(self, link: str, score: int, comment: str) -> bool:
        """Answer on the page; tell whether it was acknowledged."""
        try:
            form = {"score": str(score), "comment": comment}
            reply = httpx.post(f"http://127.0.0.1:{self.web_line.port}/a/{link}", data=form, timeout=20)
        except httpx.HTTPError:
            return False
        return reply.status_code == 303

    def arrived(self) -> list[Taken]:
        """Return every line of the mail server's journal so far."""
        with self._reading:
            self._taken += read_journal(self.mail.journal, len(self._taken))
            return list(self._taken)

    def arrivals(self) -> list[Arrival]:
        """Return every mail that the mail server took."""
        return [Arrival(mail.message_id, mail.digest) for mail in self.arrived() if mail.message_id]

    def is_consumed(self) -> bool:
        """Tell whether everything that was published is taken in."""
        return True

    def is_quiet(self) -> bool:
        """Tell whether nothing is left to do, at the business time that it is."""
        if not self.is_consumed():
            return False
        now = self.clock.now()
        with self.store.reading() as connection:
            waiting, _ = status.due_work(connection, now)
            held = tables.dispatch.c.state.in_(ON_ITS_WAY)
            settling = tables.response.c.state == ResponseState.SETTLING
            queries = [sa.select(tables.dispatch.c.id).where(held), sa.select(tables.response.c.id).where(settling)]
            return not any(waiting.values()) and all(
                connection.execute(query.limit(1)).first() is None for query in queries
            )

    def hop(self) -> tuple[float, bool]:
        """Let the time until the next mail that was put off pass at once, by the business clock.

        Return how many seconds that is (0: none is put off; reminders are days ahead), and whether the mail server
        had asked for that pause, so that it is no part of a recovery.
        """
        now, table = self.clock.now(), tables.dispatch
        query = (
            sa.select(table.c.not_before, table.c.reason)
            .where(table.c.state == DispatchState.READY, table.c.not_before > now)
            .where(table.c.not_before <= now + LONGEST_PAUSE)
            .order_by(table.c.not_before)
        )
        with self.store.reading() as connection:
            first = connection.execute(query.limit(1)).first()
        if first is None:
            return 0.0, False
        self.clock.set(first[0], ticking=True)
        return (first[0] - now).total_seconds(), str(first[1]) == "later"

    def role_died(self, name: str) -> None:
        """Note which mails were leaving when a sender died: whether their 250 was read, nobody kept."""
        if name not in self.SENDERS:
            return
        query = sa.select(tables.dispatch.c.message_id).where(tables.dispatch.c.state == DispatchState.SENDING)
        deadline = time.monotonic() + self.LEASE_SECONDS
        while time.monotonic() < deadline:
            try:
                with self.store.reading() as connection:
                    leaving = list(connection.execute(query).scalars())
            except NotNow:
                time.sleep(0.2)
                continue
            for message_id in leaving:
                self.mail_line.handovers.died(str(message_id))
            return

    def away(self) -> list[str]:
        """Return which parts `boucle status` says are away."""
        said = self.supervisor.ask("status", "--format", "json", seconds=ASKING_SECONDS)
        return (
            [str(outage["part"]) for outage in json.loads(said)["away"]]
            if said.startswith("{")
            else [f"no answer: {said[:80]}"]
        )

    def part_of(self, name: str) -> str:
        """Return the part that a long fault takes away, as `boucle status` names it."""
        return MAIL if name.startswith("mail") else DATABASE

    # Faults

    def happen(self, fault: Fault, *, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Let one fault happen from its beginning to its end; it lasts until `meanwhile`, in a thread, is through."""
        self._meanwhile = threading.Thread(target=meanwhile)
        self._meanwhile.start()
        getattr(self, fault.name)(fault)
        self._meanwhile.join()

    def last(self, fault: Fault) -> None:
        """Wait for as long as a fault lasts."""
        time.sleep(fault.seconds)
        self._meanwhile.join(ASKING_SECONDS)

    def kill(self, fault: Fault) -> None:
        """End a role with SIGKILL."""
        self.supervisor.end(self._some_role(fault), signal.SIGKILL)

    def stop(self, fault: Fault) -> None:
        """Tell a role to stop."""
        self.supervisor.end(self._some_role(fault), signal.SIGTERM)

    def freeze(self, fault: Fault) -> None:
        """Stop a role in its tracks for a while."""
        self.supervisor.freeze(self._some_role(fault), fault.seconds)

    def _some_role(self, fault: Fault) -> str:
        names = self.supervisor.names()
        return names[(fault.k + int(fault.seconds * 100)) % len(names)]

    def mail_killed(self, fault: Fault) -> None:
        """Take the mail server away."""
        self.mail.kill()
        self.last(fault)
        self.mail.start()

    def mail_frozen(self, fault: Fault) -> None:
        """Stop the mail server in its tracks."""
        with frozen(self.mail.process.pid):
            self.last(fault)

    def mail_cut(self, fault: Fault) -> None:
        """Cut every line to the mail server after k bytes."""
        self._line(self.mail_line, Line.CUT, fault)

    def mail_before_250(self, fault: Fault) -> None:
        """Cut every line to the mail server just before its 250."""
        self._line(self.mail_line, Line.BEFORE_250, fault)

    def mail_reset(self, fault: Fault) -> None:
        """Reset every line to the mail server."""
        self._line(self.mail_line, Line.RESET, fault)

    def mail_stall(self, fault: Fault) -> None:
        """Hand nothing on for a while."""
        self._line(self.mail_line, Line.STALL, fault)

    def mail_silence(self, fault: Fault) -> None:
        """Swallow everything, and reset the lines afterwards."""
        self._line(self.mail_line, Line.SILENCE, fault)

    def web_cut(self, fault: Fault) -> None:
        """Cut every line to the pages after k bytes."""
        self._line(self.web_line, Line.CUT, fault)

    def web_reset(self, fault: Fault) -> None:
        """Reset every line to the pages."""
        self._line(self.web_line, Line.RESET, fault)

    def web_stall(self, fault: Fault) -> None:
        """Hand nothing on for a while."""
        self._line(self.web_line, Line.STALL, fault)

    def web_silence(self, fault: Fault) -> None:
        """Swallow everything, and reset the lines afterwards."""
        self._line(self.web_line, Line.SILENCE, fault)

    def _line(self, proxy: Proxy, line: Line, fault: Fault) -> None:
        proxy.begin(line, fault.k)
        self.last(fault)
        proxy.end()


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a process in its tracks."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


LINES = {
    "mail_killed": 1,
    "mail_frozen": 1,
    "mail_cut": 2,
    "mail_before_250": 2,
    "mail_reset": 1,
    "mail_stall": 1,
    "mail_silence": 1,
    "web_cut": 2,
    "web_reset": 1,
    "web_stall": 1,
    "web_silence": 1,
}


class EmbeddedGround(Ground):
    """`boucle run` on SQLite: one process with all roles but the stream."""

    WEIGHTS = MappingProxyType({**LINES, "kill": 6, "stop": 3, "freeze": 1, "locked": 2, "full": 2})
    LONG: tuple[str, ...] = ("mail_killed", "locked")
    SENDERS = ("run",)

    def start(self) -> None:
        """Start the one process."""
        self.supervisor.run("run", "run")
        self.wait_for_web()

    def locked(self, fault: Fault) -> None:
        """Keep the database locked for writers."""
        with closing(sqlite3.connect(self.home / "boucle.db", isolation_level=None, timeout=30)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            self.last(fault)

    def full(self, fault: Fault) -> None:
        """Let the process write no further into any file, as on a full disk."""
        pid = self.supervisor.pid_of("run")
        with contextlib.suppress(ProcessLookupError):
            before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALLEST_FILE, before[1]))
            self.last(fault)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def discard(home: Path) -> None:
    """Remove what a run left."""
    shutil.rmtree(home, ignore_errors=True)
