"""A role that is told to stop ends within ten seconds whatever it is doing; one that stands still ends itself."""

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from aiosmtpd.smtp import SMTP, Envelope, Session
from embedded import START, STRUCTURED, journey
from mailcatcher import MailCatcher, serve
from parts import poll
from worlds import Installation

from workers.devservices.places import free_port
from workers.domain.types import Ingress
from workers.process import stop_signal
from workers.process.pulse import Pulse, beat, of_this_work
from workers.process.watchdog import EXIT_STALLED, stalled, watched
from workers.store import tables
from workers.store.ledger import Incoming

PROGRAM = (sys.executable, "-c", "from workers.cli import main; main()")
IN_TIME = 10.0
SIGTERM_BIT = 1 << (signal.SIGTERM - 1)


@contextmanager
def role(home: Path, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """Run a role in a process of its own; what is left of it at the end is killed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOUCLE_")}
    environment |= {"BOUCLE_HOME": str(home), "BOUCLE_HTTP_BIND": f"127.0.0.1:{free_port()}"}
    environment |= {f"BOUCLE_{name.upper()}": value for name, value in settings.items()}
    process = subprocess.Popen([*PROGRAM, *arguments], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def hears(process: subprocess.Popen[str]) -> bool:
    """Tell whether a process has a handler for SIGTERM."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) & SIGTERM_BIT)


def stop(process: subprocess.Popen[str]) -> int:
    """Tell a process to stop, and return how it ended; fails when it takes longer than it may."""
    process.terminate()
    began = time.monotonic()
    process.communicate(timeout=IN_TIME + 20)
    assert time.monotonic() - began < IN_TIME
    return process.returncode


def wait_for_line(process: subprocess.Popen[str], words: str) -> None:
    """Wait until a process says something."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"it ended without saying {words!r}")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep a database file locked for writers."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def test_a_stop_in_the_first_moments_is_obeyed(tmp_path: Path) -> None:
    """The signal is heard before the imports are through: it ends the start, and nothing is half made."""
    with role(tmp_path, "run") as process:
        poll(lambda: hears(process), 20, "a handler of the signal")
        assert stop(process) == 0


def test_a_stop_is_obeyed_while_the_start_waits_for_the_database(tmp_path: Path) -> None:
    """A start that waits in the database's own code hears as well."""
    path = tmp_path / "boucle.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    with locked(path), role(tmp_path, "send") as process:
        poll(lambda: str(path) in " ".join(files_of(process)), 60, "the database to be opened")
        assert stop(process) == 0


def files_of(process: subprocess.Popen[str]) -> list[str]:
    """Return the files that a process has open."""
    files = []
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            files.append(str(link.readlink()))
        except OSError:  # closed meanwhile
            continue
    return files


def test_a_stop_is_obeyed_while_the_database_is_locked(tmp_path: Path) -> None:
    """Rounds that wait for a lock end with the process; the next start does them."""
    with role(tmp_path, "run", log="console") as process:
        wait_for_line(process, "Boucle runs")
        with locked(tmp_path / "boucle.db"):
            assert stop(process) == 0


class Stalling(MailCatcher):
    """A mail server that takes a mail and never says so."""

    def __init__(self) -> None:
        super().__init__()
        self.has_one, self.may_end = threading.Event(), threading.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # aiosmtpd's name
        """Keep the mail in the hand."""
        self.has_one.set()
        await asyncio.to_thread(self.may_end.wait, 60)
        return "451 4.3.0 never mind"


def test_a_stop_is_obeyed_while_the_mail_server_stalls(tmp_path: Path) -> None:
    """A server that takes mails and never says 250 keeps no role from ending: they are back when their lease ends."""
    stalling = Stalling()
    server = serve(stalling)
    with Installation(tmp_path, smtp_url=stalling.url, sending="on") as installation:
        installation.set_clock(START)
        delivery = Incoming(orjson.dumps(journey("delivery", "1", reference="1001")), (), STRUCTURED)
        installation.parts.intake.take([delivery], Ingress.HTTP)
        installation.set_clock(START + timedelta(days=10))
        more = {name.removeprefix("BOUCLE_").lower(): value for name, value in installation.environment.items()}
        del more["home"]
        with role(tmp_path, "send", **more) as process:
            assert stalling.has_one.wait(60), "no mail came"
            assert stop(process) == 0
        with installation.store.reading() as connection:
            states = set(connection.execute(sa.select(tables.dispatch.c.state)).scalars())
    stalling.may_end.set()
    server.stop()
    assert states <= {"sending", "ready"}  # it leaves again, whatever became of it


def test_a_stop_is_obeyed_while_the_broker_is_silent(tmp_path: Path) -> None:
    """A broker that takes connections and answers nothing keeps no stream from ending."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        with role(tmp_path, "stream", kafka_bootstrap=address) as process:
            deaf.settimeout(60)
            deaf.accept()[0].close()
            assert stop(process) == 0


HANGING = """
import asyncio, logging, threading, time
from workers.roles import run_roles, attempt
logging.basicConfig(level=logging.INFO)

async def hang_in_a_thread(stop):
    async def work():
        await asyncio.to_thread(threading.Event().wait)
        return 0
    await attempt(work, "wake")

async def block_the_loop(stop):
    await asyncio.sleep(0)
    time.sleep(60)

async def rest(stop):
    await stop.wait()

asyncio.run(run_roles([{role}, rest], 0.5))
"""


@pytest.mark.parametrize("what", ["hang_in_a_thread", "block_the_loop"])
def test_a_role_that_stands_still_ends_its_process(what: str) -> None:
    """Work that comes no step further, in a thread or by blocking everything, ends with the exit code of a stall."""
    command = [sys.executable, "-c", HANGING.replace("{role}", what)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == EXIT_STALLED, ended.stderr
    assert "No step of" in ended.stderr


def test_a_long_round_that_goes_on_is_no_standstill() -> None:
    """Every transaction is a step, whichever thread it is made in."""

    async def work() -> None:
        with watched("wake"):
            pulse = of_this_work.get()
            assert pulse is not None
            pulse.at -= 100
            assert stalled(50, time.monotonic()) == ["wake"]
            await asyncio.to_thread(beat)
            assert stalled(50, time.monotonic()) == []

    asyncio.run(work())
    assert stalled(0, time.monotonic()) == []


def test_nobody_is_watched_between_rounds() -> None:
    """A role that waits for the next round is at rest, however long."""
    beat()  # nobody looks
    assert of_this_work.get() is None
    with watched("relay"):
        assert isinstance(of_this_work.get(), Pulse)
    assert of_this_work.get() is None


def test_a_second_signal_does_not_wait() -> None:
    """Whoever presses Ctrl-C twice is obeyed at once."""
    ended: list[int] = []
    printed: list[str] = []
    listening = stop_signal.StopSignal(ended.append, grace_seconds=60)
    listening.hand_over(lambda: printed.append("stop"))
    listening._hear()
    assert (printed, ended) == (["stop"], [])
    listening._hear()
    assert ended == [0]
