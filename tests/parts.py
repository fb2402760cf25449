"""The real parts that tests use: found or started once per run, shared by all its processes, stopped at its end.

Holds no fixture (those are in conftest.py) and no test. How to keep the parts running between runs: conftest.py.
"""

import contextlib
import email
import email.policy
import json
import os
import shutil
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import psycopg
import pytest
from psycopg import sql

from workers import devservices
from workers.devservices import places
from workers.errors import Misconfigured
from workers.store.engine import Store
from workers.usecases.operation.migrate import migrate

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HANDED_DOWN = "TEST_PARTS"  # what the first process tells the processes that xdist starts
KEPT_HOME = "BOUCLE_TEST_HOME"  # name a folder here to keep the parts running from one run to the next
POLL_SECONDS = 0.02
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the tests: where its parts live, and the addresses that the environment gave."""

    home: Path
    given: dict[str, str]
    kept: bool

    def address(self, name: str) -> str:
        """Return the address of a part, started if need be; skip or fail the test when it is not to be had."""
        try:
            return devservices.up(self.home, (name,), environment=self.given, durable=False)[name]
        except Misconfigured as fault:
            missing(str(fault))


def begin() -> None:
    """Choose the run's folder and hide every BOUCLE_ variable, so that no test depends on who runs it."""
    kept = os.environ.get(KEPT_HOME, "")
    home = Path(kept or tempfile.mkdtemp(prefix=f"boucle-tests-{os.getpid()}-")).resolve()
    given = {name: os.environ[name] for name in devservices.SETTINGS.values() if name in os.environ}
    given.pop(devservices.SETTINGS[devservices.Part.SMTP], None)  # tests read what arrives, so they start their own
    for name in [name for name in os.environ if name.startswith("BOUCLE_")]:
        del os.environ[name]
    os.environ[HANDED_DOWN] = json.dumps({"home": str(home), "given": given, "kept": bool(kept)})


def current() -> Run:
    """Return the run that this process belongs to."""
    addresses = json.loads(os.environ[HANDED_DOWN])
    return Run(Path(addresses["home"]), addresses["given"], addresses["kept"])


def finish() -> None:
    """Stop what this run started, and what a run left behind that was killed."""
    run = current()
    del os.environ[HANDED_DOWN]
    if not run.kept:
        discard(run.home)
    discard_leftovers(Path(tempfile.gettempdir()))


def discard_leftovers(folder: Path) -> None:
    """Discard what runs left that were killed; another run that ends now may be at it as well."""
    for left in left_behind(folder, "boucle-tests"):
        with contextlib.suppress(OSError):  # gone meanwhile, or for a later run to try
            discard(left)


def left_behind(folder: Path, kind: str) -> Iterator[Path]:
    """Give the folders `KIND-PID-...` whose process has ended."""
    for left in folder.glob(f"{kind}-*-*"):
        owner = left.name.removeprefix(f"{kind}-").split("-")[0]
        if owner.isdigit() and places.command_line(int(owner)) is None:
            yield left


def discard(home: Path) -> None:
    """Stop the parts of `home` and remove it."""
    devservices.down(home, discard=True)
    shutil.rmtree(home, ignore_errors=True)


def in_ci() -> bool:
    """Tell whether a missing part is a failure."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def missing(reason: str) -> NoReturn:
    """Skip the test with the reason at home, fail it in CI."""
    if in_ci():
        pytest.fail(f"A real part is missing, and CI needs all of them: {reason}", pytrace=False)
    pytest.skip(reason)


def poll(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll until `ready()`; fail the test with `what` was waited for when `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            pytest.fail(f"Waited {seconds:g} s in vain for {what}.")
        time.sleep(POLL_SECONDS)


def fresh_name(kind: str) -> str:
    """Return a name that no other test has, whichever process it runs in."""
    return f"{kind}_{uuid.uuid4().hex[:16]}"


@contextlib.contextmanager
def empty_database(server: str) -> Iterator[str]:
    """Make a fresh database on a server, give its URL, and drop it with whoever is still connected."""
    name = fresh_name("test")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        head, question, query = server.partition("?")
        yield head.rpartition("/")[0] + "/" + name + question + query
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextlib.contextmanager
def migrated(request: pytest.FixtureRequest, folder: Path) -> Iterator[Store]:
    """Give an empty migrated database of the kind that the request's parameter names: sqlite or postgresql."""
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{folder / 'a.db'}"
        else:
            url = stack.enter_context(empty_database(request.getfixturevalue("postgres_server")))
        made = Store(url)
        stack.callback(made.close)
        migrate(made)
        yield made


@dataclass(slots=True)
class RealMail:
    """A real mail server and the folder into which it puts every mail; shared by all tests of a run.

    A recipient that begins with `refused-` is answered 550 5.1.1, one that begins with `later-` 450 4.2.1.
    """

    url: str
    folder: Path
    read: dict[str, EmailMessage] = field(default_factory=dict)

    def mails(self, recipient: str) -> list[EmailMessage]:
        """Return the mails that arrived for one recipient, in the order of arrival."""
        return [mail for mail in self.all() if recipient in (mail.get_all("X-Original-To") or [])]

    def message_ids(self) -> Counter[str]:
        """Return how often each mail arrived."""
        return Counter(str(mail["Message-ID"]) for mail in self.all())

    def all(self) -> Collection[EmailMessage]:
        """Return every mail, each read once."""
        for path in sorted((self.folder / "new").glob("*"), key=lambda path: path.stat().st_mtime_ns):
            if path.name not in self.read:
                self.read[path.name] = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        return self.read.values()

    def wait_for(self, recipient: str, count: int = 1, seconds: float = 30.0) -> list[EmailMessage]:
        """Return the recipient's mails once there are `count`; fail the test when they do not come."""
        poll(lambda: len(self.mails(recipient)) >= count, seconds, f"{count} mails to {recipient}")
        return self.mails(recipient)


def real_mail(run: Run) -> RealMail:
    """Start the machine's postfix for this run."""
    url = run.address(devservices.Part.SMTP)
    [status] = [row for row in devservices.status(run.home, environment=run.given) if row.name == devservices.Part.SMTP]
    if status.kind != "postfix":
        missing("There is no postfix that we may start: apt-get install postfix, and run as root.")
    folder = devservices.mail_folder(run.home)
    assert folder is not None
    return RealMail(url, folder)


def chromium_program() -> str:
    """Return the machine's Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if program := shutil.which(name):
            return program
    missing("There is no Chromium: apt-get install chromium.")


@contextlib.contextmanager
def browser() -> Iterator["Browser"]:
    """Start the machine's Chromium without a window and with a fresh profile."""
    from playwright.sync_api import sync_playwright  # slow to import, and only browser tests need it

    program = chromium_program()
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, headless=True, args=list(CHROMIUM_FLAGS))
        try:
            yield opened
        finally:
            opened.close()
