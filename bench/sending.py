"""How fast mails leave, claim to recorded: against a loop written by hand, and two senders against one.

    python -m bench.sending [--mails N] [--rounds N] [--engine postgresql|sqlite]

Every lane is a process of its own with four connections to the same mail server (mail_sink.py), over a copy of the same
database of questions that are due. See README.md for method and caveats.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from html import escape
from pathlib import Path

import psycopg
from psycopg import sql

from bench.orders import NOW, event
from bench.sending_lanes import CONNECTIONS, installation
from workers import devservices
from workers.domain.mail.compose import MailFacts, compose
from workers.domain.types import Ingress
from workers.store.engine import Store
from workers.store.ledger import Incoming
from workers.usecases.operation.migrate import migrate

NEEDED = {"ours_to_hand": 6.0, "two_to_one": 1.7}
SECONDS_AT_MOST = 900


@dataclass(slots=True)
class Measured:
    """One lane in one round: its rate, and the processor time of its processes for each mail."""

    per_second: float
    cpu_us: float


class Server:
    """The mail server of a run."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "bench.mail_sink"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def counted(self) -> dict[str, int]:
        """Return what it took so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("?\n")
        self._process.stdin.flush()
        told: dict[str, int] = json.loads(self._line())
        return told

    def close(self) -> None:
        """Let it end."""
        self._process.communicate(timeout=10)


@dataclass(slots=True)
class Ground:
    """What every lane is given: a copy of a database of mails that are due, and the words of the loop by hand."""

    engine: str
    home: Path
    postgres: str
    copies: list[str] = field(default_factory=list)

    @property
    def words(self) -> Path:
        """Return the folder of the loop's templates."""
        return self.home / "words"

    def address(self, name: str) -> str:
        """Return the address of a database by its name."""
        if self.engine == "sqlite":
            return f"sqlite:///{self.home / name}.db"
        head, question, query = self.postgres.partition("?")
        return head.rpartition("/")[0] + "/" + name + question + query

    def create(self, name: str, template: str = "") -> str:
        """Make a database, empty or as a copy of another one, and return its address."""
        self.copies.append(name)
        if self.engine == "sqlite":
            if template:
                shutil.copyfile(self.home / f"{template}.db", self.home / f"{name}.db")
            return self.address(name)
        text = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template:
            text += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute(text)
        return self.address(name)

    def drop(self, name: str) -> None:
        """Remove a database."""
        self.copies.remove(name)
        if self.engine == "sqlite":
            for file in self.home.glob(f"{name}.db*"):
                file.unlink()
            return
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def prepared(engine: str, mails: int) -> Iterator[Ground]:
    """Give the ground with a database named `filled` of so many questions that are due."""
    with tempfile.TemporaryDirectory(prefix="boucle-bench-") as folder:
        home = Path(folder)
        address = devservices.up(home, ["postgres"])["postgres"] if engine == "postgresql" else ""
        ground = Ground(engine, home, address)
        try:
            fill(ground, ground.create(FILLED), mails)
            yield ground
        finally:
            for name in list(ground.copies):
                ground.drop(name)
            if address:
                devservices.down(home, discard=True)


STRUCTURED = "application/cloudevents+json"
FILLED = f"filled_{uuid.uuid4().hex[:12]}"


def fill(ground: Ground, url: str, mails: int) -> None:
    """Ask so many customers about a delivery, through the product's own intake and waking; one mail gives the words."""
    empty = Store(url)
    migrate(empty)
    empty.close()
    parts = installation(url, str(ground.home), 25)
    at = NOW - timedelta(hours=1)
    for first in range(0, mails, 500):
        ids = [f"C-{number:07}" for number in range(first, min(first + 500, mails))]
        told = (event("delivery", crm_id, "Europe/Paris", at, crm_id) for crm_id in ids)
        parts.intake.take([Incoming(body, {}, STRUCTURED) for body in told], Ingress.FILE)
    parts.scheduler.wake_all()
    key = str(uuid.UUID(int=1))
    facts = MailFacts(key, "ask-delivery", "camille@shop.example", "fr", "Camille Roux", request_id=key)
    composed = compose(facts, parts.files.templates, parts.links, NOW)
    links = {"answer": parts.links.answer_url(key), "unsubscribe": parts.links.unsubscribe_url(key)}
    write_words(ground.words, composed.raw, composed.subject, {**links, "first": "Camille"})
    parts.store.close()
    if ground.engine == "postgresql":
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")


def write_words(folder: Path, raw: bytes, subject: str, values: dict[str, str]) -> None:
    """Make templates of one composed mail for the loop by hand, with places for what differs from mail to mail."""
    folder.mkdir()
    (folder / "subject").write_text(subject)
    mail = message_from_bytes(raw, policy=policy.default)
    for kind, name in (("plain", "mail.txt"), ("html", "mail.html")):
        part = mail.get_body((kind,))
        assert part is not None
        text = part.get_content()
        for variable, value in values.items():
            text = text.replace(escape(value) if kind == "html" else value, "{{ " + variable + " }}")
        assert not re.search(r"{{(?! \w+ }})", text)
        (folder / name).write_text(text)


def run_lane(lane: str, ground: Ground, mails: int, processes: int = 1) -> Measured:
    """Let some processes of a lane send every mail of a copy of the database, and see that each left once."""
    name = f"lane_{uuid.uuid4().hex[:12]}"
    url, server = ground.create(name, FILLED), Server()
    if lane == "hand":
        leave_only(url, mails)
    where = ["--smtp", str(server.port), "--database", url, "--home", str(ground.home), "--words", str(ground.words)]
    command = [sys.executable, "-m", "bench.sending_lanes", lane, *where]
    try:
        with (ground.home / f"{lane}.log").open("ab") as log:
            running = [
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
                for _ in range(processes)
            ]
            for process in running:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n", (ground.home / f"{lane}.log").read_text()
            told = [json.loads(out) for out in started_together(running)]
        counted = server.counted()
        assert (counted["taken"], counted["copies"]) == (mails, 0), counted
        assert counted["connections"] <= CONNECTIONS * processes, counted
    finally:
        server.close()
        ground.drop(name)
    seconds = max(one["seconds"] for one in told)
    cpu = sum(one["cpu_us_per_mail"] * one["mails"] for one in told) / mails
    return Measured(mails / seconds, cpu)


def started_together(running: list[subprocess.Popen[str]]) -> Iterator[str]:
    """Start every process that waits, and give what each prints at its end."""
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        out, _ = process.communicate(timeout=SECONDS_AT_MOST)
        yield out


def leave_only(url: str, mails: int) -> None:
    """Take all but some mails out of a copy: the loop by hand is slow."""
    some = f"SELECT id FROM dispatch WHERE template = 'ask-delivery' ORDER BY id LIMIT {mails:d}"
    text = f"DELETE FROM dispatch WHERE id NOT IN ({some})"
    if url.startswith("sqlite"):
        import sqlite3

        with sqlite3.connect(url.removeprefix("sqlite:///")) as file:
            file.execute(text)
        return
    with psycopg.connect(url) as connection:
        connection.execute(text.encode())


def run(engine: str, mails: int, rounds: int) -> dict[str, object]:
    """Run the lanes in turn, round by round, and return the medians of rates, processor time and ratios."""
    lanes: dict[str, list[Measured]] = {"hand": [], "ours": [], "two": []}
    with prepared(engine, mails) as ground:
        for _ in range(rounds):
            lanes["hand"].append(run_lane("hand", ground, max(100, mails // 8)))
            lanes["ours"].append(run_lane("ours", ground, mails))
            lanes["two"].append(run_lane("ours", ground, mails, processes=2))
    return {
        "engine": engine,
        "mails_per_second": {lane: round(median(one.per_second for one in ran)) for lane, ran in lanes.items()},
        "cpu_us_per_mail": {lane: round(median(one.cpu_us for one in ran)) for lane, ran in lanes.items()},
        "ours_to_hand": round(paired(lanes["ours"], lanes["hand"]), 2),
        "two_to_one": round(paired(lanes["two"], lanes["ours"]), 2),
    }


def median(values: Iterator[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def paired(lane: list[Measured], other: list[Measured]) -> float:
    """Return the median of the rounds' ratios: what disturbs a round disturbs both."""
    return median(one.per_second / beside.per_second for one, beside in zip(lane, other, strict=True))


def as_text(result: dict[str, object]) -> str:
    """Return the result for a terminal."""
    rates, cpu = result["mails_per_second"], result["cpu_us_per_mail"]
    assert isinstance(rates, dict)
    assert isinstance(cpu, dict)
    names = {
        "hand": f"loop by hand, {CONNECTIONS} connections",
        "ours": f"our sender, {CONNECTIONS} connections",
        "two": f"two of our senders, {CONNECTIONS} each",
    }
    lines = [f"{names[lane]:40} {rates[lane]:>8} mails/s  {cpu[lane]:>8} us of processor a mail" for lane in names]
    lines += [
        f"{name.replace('_', ' ')} on {result['engine']}: {result[name]} (wanted: {NEEDED[name]})" for name in NEEDED
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print; the figures are read by people, nothing fails by them."""
    parser = argparse.ArgumentParser(prog="python -m bench.sending", description=__doc__)
    parser.add_argument("--mails", type=int, default=4_000, help="mails for each lane (the loop by hand: an eighth)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; medians count")
    parser.add_argument("--engine", choices=("postgresql", "sqlite"), action="append")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    for engine in arguments.engine or ("postgresql", "sqlite"):
        result = run(engine, arguments.mails, arguments.rounds)
        print(json.dumps(result) if arguments.format == "json" else as_text(result), flush=True)


if __name__ == "__main__":
    main()
