"""One lane of the comparison of senders, as a process of its own: sends every mail that is ready, and prints its rate.

    python -m bench.sending_lanes hand|ours --smtp PORT --database URL --home FOLDER --words FOLDER

ours: what `boucle send` runs for mails. hand: what a competent developer writes: four threads with a kept connection
each, and one transaction a mail that locks the next one, fills in a template, hands it over and writes that it left.
Both write "ready", wait for a line, and measure from there to the last mail that is recorded.
"""

import argparse
import asyncio
import json
import smtplib
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import psycopg
from itsdangerous import URLSafeSerializer
from jinja2 import Environment, FileSystemLoader, Template

from bench.lanes import cpu_seconds
from bench.orders import NOW
from workers import app as wiring
from workers import settings as settings_module
from workers.adapters.clock import FixedClock
from workers.process.startup_heap import freeze_startup_heap
from workers.usecases.delivery.send_controls import Sending

CONNECTIONS = 4
OPEN = Sending(blocked="", held="", per_day=0, per_second=0, only_to=frozenset(), redirect="")
NEXT = """SELECT d.id, d.request, c.name, c.email FROM dispatch d
    JOIN customer c ON c.id = d.customer JOIN survey_request r ON r.id = d.request
    WHERE d.state = 'ready' AND d.not_before <= {now} AND d.kind = 'mail'
      AND c.opted_out_at IS NULL AND r.state = 'open'
    ORDER BY d.not_before, d.id LIMIT 1"""
LEFT = """UPDATE dispatch SET state = 'accepted', accepted_at = {now}, changed_at = {now}, recipient = {at},
    message_id = {at}, attempt = 1 WHERE id = {at}"""
TAKEN = "UPDATE dispatch SET state = 'sending' WHERE id = {at}"


class Writer:
    """Writes mails as one does by hand: a template for each part and the standard library."""

    def __init__(self, words: Path) -> None:
        environment = Environment(loader=FileSystemLoader(words), autoescape=True)
        self.html: Template = environment.get_template("mail.html")
        self.text: Template = environment.get_template("mail.txt")
        self.subject = (words / "subject").read_text()
        self.sign = URLSafeSerializer("bench")

    def write(self, dispatch: str, request: str, name: str, address: str) -> EmailMessage:
        """Return one mail."""
        token = self.sign.dumps(request)
        links = {"answer": f"https://shop.example/a/{token}", "unsubscribe": f"https://shop.example/u/{token}"}
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "Shop <hello@shop.example>", address, self.subject
        mail["Date"], mail["Message-ID"] = format_datetime(NOW), f"<{dispatch}@shop.example>"
        mail["List-Unsubscribe"] = f"<{links['unsubscribe']}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail.set_content(self.text.render(first=name.split()[0], **links))
        mail.add_alternative(self.html.render(first=name.split()[0], **links), subtype="html")
        return mail


def by_hand_on_postgresql(url: str, writer: Writer, port: int) -> int:
    """Send what is ready over one connection, each mail in a transaction of its own; return how many there were."""
    done, named = 0, {"now": "%(now)s", "at": "%s"}
    next_one = NEXT.format(**named) + " FOR UPDATE OF d SKIP LOCKED"
    left = LEFT.replace("{now}", "%s").replace("{at}", "%s")
    with psycopg.connect(url, autocommit=True) as connection, smtplib.SMTP("127.0.0.1", port) as line:
        while True:
            with connection.transaction():
                row = connection.execute(next_one.encode(), {"now": NOW}).fetchone()
                if row is None:
                    return done
                dispatch, request, name, address = (str(value) for value in row)
                mail = writer.write(dispatch, request, name, address)
                line.send_message(mail)
                connection.execute(left.encode(), (NOW, NOW, address, mail["Message-ID"], dispatch))
            done += 1


def by_hand_on_sqlite(file: str, writer: Writer, port: int) -> int:
    """The same on SQLite, where one writes at a time: one transaction takes a mail, another records that it left."""
    done, moment = 0, NOW.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    next_one, taken, left = (text.format(now=f"'{moment}'", at="?") for text in (NEXT, TAKEN, LEFT))
    connection = sqlite3.connect(file, isolation_level=None, timeout=60)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    with smtplib.SMTP("127.0.0.1", port) as line:
        while True:
            with writing(connection):
                row = connection.execute(next_one).fetchone()
                if row is None:
                    return done
                dispatch, request, name, address = row
                mail = writer.write(dispatch, request, name, address)
                connection.execute(taken, (dispatch,))
            line.send_message(mail)
            with writing(connection):
                connection.execute(left, (address, mail["Message-ID"], dispatch))
            done += 1


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """Give a writing transaction."""
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("COMMIT")


def hand(arguments: argparse.Namespace) -> Callable[[], int]:
    """Return what sends by hand."""
    writer = Writer(Path(arguments.words))
    sqlite = arguments.database.startswith("sqlite")
    where = arguments.database.removeprefix("sqlite:///")
    counts: list[int] = []

    def one_thread() -> None:
        counts.append((by_hand_on_sqlite if sqlite else by_hand_on_postgresql)(where, writer, arguments.smtp))

    def run() -> int:
        threads = [threading.Thread(target=one_thread) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts)

    return run


def ours(arguments: argparse.Namespace) -> Callable[[], int]:
    """Return what `boucle send` does with mails."""
    delivery = installation(arguments.database, arguments.home, arguments.smtp).outgoing.delivery()

    async def send() -> int:
        return await delivery.send_mails()

    return lambda: asyncio.run(send())


def installation(database: str, home: str, port: int) -> Any:
    """Return the parts of an installation whose sending is open, at a clock that stands."""
    environment = {
        "BOUCLE_DATABASE_URL": database,
        "BOUCLE_HOME": home,
        "BOUCLE_SECRET": "bench",
        "BOUCLE_SMTP_URL": f"smtp://127.0.0.1:{port}?tls=none",
        "BOUCLE_SMTP_CONNECTIONS": str(CONNECTIONS),
    }
    return wiring.start(settings_module.read(environment), clock=FixedClock(NOW), sending=OPEN)


def main() -> None:
    """Run one lane and print what it measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lane", choices=("ours", "hand"))
    for name in ("database", "home", "words"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--smtp", type=int, required=True)
    arguments = parser.parse_args()
    run = {"ours": ours, "hand": hand}[arguments.lane](arguments)
    freeze_startup_heap()  # as `boucle send` does before its first claim
    print("ready", flush=True)
    sys.stdin.readline()
    began, cpu = time.perf_counter(), cpu_seconds()
    mails = run()
    seconds, used = time.perf_counter() - began, cpu_seconds() - cpu
    print(json.dumps({"mails": mails, "seconds": seconds, "cpu_us_per_mail": used / max(mails, 1) * 1e6}), flush=True)


if __name__ == "__main__":
    main()
