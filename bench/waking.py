"""`python -m bench.waking`: due touchpoints, tickets and the outbox: against a loop by hand, alone and two at once.

Starts or finds real PostgreSQL and Kafka, plans orders through the product's own intake, copies them through its own
schema until so many touchpoints wait, and runs each lane on a database of its own made from that one. See README.md.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import psycopg
from psycopg import sql

from bench.filling import fill
from bench.orders import NOW, events
from workers import app as wiring
from workers import devservices
from workers import settings as settings_module
from workers.adapters import kafka as topics
from workers.adapters.clock import FixedClock
from workers.domain.types import Ids, Ingress
from workers.store.engine import Store
from workers.store.ledger import Incoming
from workers.store.patience import Patience
from workers.usecases.operation.migrate import migrate

SOURCE_EVENTS, SOURCE_BATCH = 700, 350
SECRET = "bench"
IDS = Ids(SECRET.encode())
NEEDED = {"wake_to_hand": 8.0, "many_to_few": 0.9, "two_wakers": 1.7, "two_opening_tickets": 1.7, "two_relays": 1.3}
PREPARE_SECONDS = 3_600.0
LOOK_SECONDS = 0.02
AGENTS = """INSERT INTO boucle_user (name, role, password_hash, created_at)
    SELECT 'Agent ' || n, 'agent', '', now() FROM generate_series(1, 5) AS n"""
WAITING = """SELECT count(*), count(*) FILTER (WHERE wait_event_type = 'Lock') FROM pg_stat_activity
    WHERE datname = %s AND state = 'active'"""
LEFT = """SELECT count(*) FILTER (WHERE state = 'asked'), count(*) FILTER (WHERE state = 'skipped') FROM touchpoint"""
MESSAGES = """INSERT INTO outbox (topic, key, value, at)
    SELECT 'boucle.survey-requests', 'C-' || n %% 5000, convert_to(rpad('{"n": ' || n, 700, ' ') || '}', 'UTF8'), now()
    FROM generate_series(1, %s) AS n"""


@dataclass(slots=True)
class Lane:
    """What one lane measured, round by round."""

    per_second: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    def note(self, rate: float, cpu_us: float) -> None:
        """Keep one measurement."""
        self.per_second.append(round(rate, 1))
        self.cpu_us.append(round(cpu_us, 1))

    @property
    def rate(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.per_second)


class Bench:
    """Real parts, databases made from filled ones, and the processes of the lanes."""

    def __init__(self, home: Path, server: str, kafka: str) -> None:
        self.home = home
        self.server = server
        self.kafka = kafka
        self.lanes: dict[str, Lane] = {}
        self.waits: dict[str, list[float]] = {}
        """Of the statements seen underway in each lane, round by round, the share that waited for another's lock."""

    def url(self, name: str) -> str:
        """Return the address of a database of the server."""
        head, question, query = self.server.partition("?")
        return head.rpartition("/")[0] + "/" + name + question + query

    def run_sql(self, statement: sql.Composable) -> None:
        """Run a statement about databases."""
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(statement)

    def filled(self, pending: int) -> tuple[str, int]:
        """Make a database where so many touchpoints wait, and return its name and how many do."""
        name = f"filled_{uuid.uuid4().hex[:12]}"
        self.run_sql(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        source = self.home / "source.db"
        waiting, people = plan_orders(source) if not source.exists() else sizes_of(source)
        store = Store(self.url(name), Patience(statement=PREPARE_SECONDS))
        migrate(store)
        fill(source, store, -(-pending // waiting) * people, IDS)
        store.close()
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute("UPDATE customer SET email = lower(crm_id) || '@customers.example.org'")
            connection.execute(AGENTS)
            connection.execute("VACUUM (FULL, ANALYZE) customer")
            connection.execute("CHECKPOINT")
        return name, -(-pending // waiting) * waiting

    def empty(self) -> str:
        """Make a migrated database without anything, and return its name."""
        name = f"empty_{uuid.uuid4().hex[:12]}"
        self.run_sql(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        store = Store(self.url(name))
        migrate(store)
        store.close()
        return name

    @contextlib.contextmanager
    def copy_of(self, filled: str) -> Iterator[str]:
        """Give a database made from a filled one, which is thrown away."""
        name = f"lane_{uuid.uuid4().hex[:12]}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        self.run_sql(statement.format(sql.Identifier(name), sql.Identifier(filled)))
        try:
            yield name
        finally:
            self.drop(name)

    def drop(self, name: str) -> None:
        """Throw a database away."""
        self.run_sql(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def run(self, lane: str, database: str, processes: int = 1, **more: object) -> list[dict[str, float]]:
        """Run a lane as so many processes at once and return what each measured."""
        options = [part for name, value in more.items() for part in (f"--{name}", str(value))]
        where = ["--database", self.url(database), "--home", str(self.home / "installation"), *options]
        lane_of = [sys.executable, "-m", "bench.waking_lanes", lane, *where, "--of", str(processes)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("BOUCLE_")}
        with (self.home / "lanes.log").open("ab") as log, contextlib.ExitStack() as stack:
            children = [
                stack.enter_context(
                    subprocess.Popen(
                        [*lane_of, "--share", str(share)],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=log,
                        env=environment,
                        text=True,
                    )
                )
                for share in range(processes)
            ]
            for child in children:
                assert child.stdout is not None
                if child.stdout.readline() != "ready\n":
                    raise SystemExit((self.home / "lanes.log").read_text()[-3_000:])
            with self.watched(lane, database, processes):
                for child in children:
                    assert child.stdin is not None
                    child.stdin.write("go\n")
                    child.stdin.flush()
                told = [child.communicate()[0] for child in children]
            if not all(told):
                raise SystemExit((self.home / "lanes.log").read_text()[-3_000:])
            return [json.loads(text) for text in told]

    @contextlib.contextmanager
    def watched(self, lane: str, database: str, processes: int) -> Iterator[None]:
        """Look now and then which connections wait for a lock of another, while a lane of several processes runs."""
        done, looks = threading.Event(), list[tuple[int, int]]()

        def look() -> None:
            with psycopg.connect(self.server, autocommit=True) as connection:
                while not done.wait(LOOK_SECONDS):
                    row = connection.execute(WAITING, (database,)).fetchone()
                    assert row is not None
                    looks.append((int(row[0]), int(row[1])))

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
        busy, waiting = (sum(counts) for counts in zip(*looks, strict=True)) if looks else (0, 0)
        if busy:
            self.waits.setdefault(f"{lane}, {processes}", []).append(round(waiting / busy, 3))

    def note(self, lane: str, measured: list[dict[str, float]], done: int) -> None:
        """Keep what the processes of a lane measured together."""
        seconds = max(one["ended"] for one in measured) - min(one["began"] for one in measured)
        cpu = sum(one["cpu"] for one in measured)
        self.lanes.setdefault(lane, Lane()).note(done / seconds, cpu / done * 1e6)
        print(f"  {lane}: {done} in {seconds:.2f} s ({done / seconds:.0f}/s)", file=sys.stderr)

    def ended(self, database: str) -> tuple[int, int]:
        """Return how many touchpoints were asked and left out."""
        with psycopg.connect(self.url(database)) as connection:
            row = connection.execute(LEFT).fetchone()
            assert row is not None
            return int(row[0]), int(row[1])

    def wake(self, lane: str, filled: str, processes: int, most: int, kind: str = "wake") -> tuple[int, int]:
        """Measure waking in a fresh copy and return how its touchpoints ended."""
        with self.copy_of(filled) as database:
            measured = self.run(kind, database, processes, most=most)
            ended = self.ended(database)
            self.note(lane, measured, sum(ended))
            return ended

    def open_tickets(self, lane: str, filled: str, processes: int, scores: int) -> None:
        """Measure the intake of scores that open tickets."""
        with self.copy_of(filled) as database:
            measured = self.run("tickets", database, processes, scores=scores)
            with psycopg.connect(self.url(database)) as connection:
                row = connection.execute("SELECT count(*) FROM ticket").fetchone()
                assert row is not None
                self.note(lane, measured, int(row[0]))

    def relay(self, lane: str, filled: str, processes: int, messages: int) -> None:
        """Measure the outbox on its way to Kafka."""
        prefix = f"bench-{uuid.uuid4().hex[:12]}-"
        topics.create(self.kafka, prefix, replication=1)
        with self.copy_of(filled) as database:
            with psycopg.connect(self.url(database), autocommit=True) as connection:
                connection.execute(MESSAGES, (messages,))
                connection.execute("VACUUM ANALYZE outbox")
            self.note(lane, self.run("relay", database, processes, kafka=self.kafka, prefix=prefix), messages)
        with topics.admin(self.kafka) as client:
            client.delete_topics(topics.topic_names(prefix))


def plan_orders(source: Path, environment: Mapping[str, str] | None = None) -> tuple[int, int]:
    """Plan a day's orders through the product's intake, and return how many touchpoints wait, of how many customers.

    `environment` names the keys of an installation; unset, they are those of all benches.
    """
    keys = environment or {"BOUCLE_HOME": str(source.parent / "source"), "BOUCLE_SECRET": SECRET}
    settings = {**keys, "BOUCLE_DATABASE_URL": f"sqlite:///{source}"}
    store = Store(settings["BOUCLE_DATABASE_URL"])
    migrate(store)
    store.close()
    parts = wiring.start(settings_module.read(settings), clock=FixedClock(NOW))
    messages = (Incoming(body) for _, body in events(SOURCE_EVENTS))
    while batch := list(islice(messages, SOURCE_BATCH)):
        parts.intake.take(batch, Ingress.KAFKA)
    parts.store.close()
    return sizes_of(source)


def sizes_of(source: Path) -> tuple[int, int]:
    """Return how many touchpoints wait in a database of ours, and of how many customers."""
    store = Store(f"sqlite:///{source}")
    with store.reading() as connection:
        waiting = connection.exec_driver_sql("SELECT count(*), count(DISTINCT customer) FROM touchpoint").one()
    store.close()
    return int(waiting[0]), int(waiting[1])


def measure(bench: Bench, arguments: argparse.Namespace) -> dict[str, object]:
    """Run every lane in turn, round by round, and return medians and ratios."""
    only = arguments.only.split(",") if arguments.only else ["wake", "tickets", "relay"]
    few, waiting = bench.filled(arguments.few)
    many = bench.filled(arguments.pending)[0] if arguments.pending else ""
    print(f"{waiting} touchpoints wait", file=sys.stderr)
    for turn in range(arguments.rounds):
        if "wake" in only:
            by_hand = bench.wake("hand", few, 1, arguments.by_hand, "hand")
            one = bench.wake("one waker", few, 1, 0)
            if not arguments.by_hand and not turn and by_hand != one:
                print(f"CAUTION: by hand {by_hand} were asked and left out, by us {one}.", file=sys.stderr)
            bench.wake("two wakers", few, 2, 0)
        if "wake" in only and many:
            bench.wake("one waker, many wait", many, 1, arguments.most)
        if "tickets" in only:
            bench.open_tickets("one opens tickets", few, 1, arguments.scores)
            bench.open_tickets("two open tickets", few, 2, arguments.scores)
        if "relay" in only:
            bench.relay("one relay", few, 1, arguments.messages)
            bench.relay("two relays", few, 2, arguments.messages)
    return {**report(bench.lanes), "waiting_for_a_lock": bench.waits}


RATIOS = {
    "wake_to_hand": ("one waker", "hand"),
    "many_to_few": ("one waker, many wait", "one waker"),
    "two_wakers": ("two wakers", "one waker"),
    "two_opening_tickets": ("two open tickets", "one opens tickets"),
    "two_relays": ("two relays", "one relay"),
}


def report(lanes: dict[str, Lane]) -> dict[str, object]:
    """Return the medians and, paired round by round, the ratios."""
    ratios = {}
    for name, (above, below) in RATIOS.items():
        if above in lanes and below in lanes:
            paired = zip(lanes[above].per_second, lanes[below].per_second, strict=True)
            ratios[name] = round(statistics.median(over / under for over, under in paired), 2)
    return {
        "per_second": {name: round(lane.rate) for name, lane in lanes.items()},
        "rounds": {name: lane.per_second for name, lane in lanes.items()},
        "cpu_us_each": {name: round(statistics.median(lane.cpu_us), 1) for name, lane in lanes.items()},
        **ratios,
    }


def as_text(result: dict[str, object]) -> str:
    """Return the result for a terminal."""
    rates, cpu = result["per_second"], result["cpu_us_each"]
    assert isinstance(rates, dict)
    assert isinstance(cpu, dict)
    lines = [f"{lane:25} {rates[lane]:>8}/s  {cpu[lane]:>8} us of processor each" for lane in rates]
    lines += [f"{name:25} {result[name]} (needed: {least})" for name, least in NEEDED.items() if name in result]
    lines.append(
        f"statements that waited for another's lock, of those seen: {json.dumps(result['waiting_for_a_lock'])}"
    )
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and fail where a ratio is below what is needed."""
    parser = argparse.ArgumentParser(prog="python -m bench.waking", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of every lane, in turn; medians count")
    parser.add_argument("--few", type=int, default=20_000, help="touchpoints that wait in the usual lanes")
    parser.add_argument("--pending", type=int, default=0, help="touchpoints that wait in the lane with many; 0: none")
    parser.add_argument("--most", type=int, default=4_000, help="customers woken in the lane with many")
    parser.add_argument("--by-hand", type=int, default=1_500, help="touchpoints woken by hand; 0: all, and compared")
    parser.add_argument("--scores", type=int, default=3_000, help="low scores taken in")
    parser.add_argument("--messages", type=int, default=20_000, help="messages in the outbox")
    parser.add_argument("--only", default="", help="of wake, tickets, relay: these, comma-separated")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="boucle-waking-") as folder:
        home = Path(folder)
        try:
            found = devservices.up(home)
            result = measure(Bench(home, found["postgres"], found["kafka"]), arguments)
        finally:
            devservices.down(home, discard=True)
    print(json.dumps(result) if arguments.format == "json" else as_text(result))
    return 0 if all(float(str(result[name])) >= least for name, least in NEEDED.items() if name in result) else 1


if __name__ == "__main__":
    raise SystemExit(main())
