"""How fast the intake is, Kafka to committed plan: against a loop written by hand, and against Faust doing nothing.

Starts or finds real Kafka and PostgreSQL, publishes the events once for each lane, runs each lane as a process of its
own in turn, several rounds, and prints the ratios of one run. See README.md for method and caveats.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from bench.orders import events
from workers import app, devservices
from workers import settings as settings_module
from workers.adapters import kafka as topics
from workers.adapters.kafka import Topic
from workers.usecases.operation.migrate import migrate

LANES = ("hand", "faust", "ours")
COMPARED = {
    "customer": "crm_id, email, name, language, time_zone, segment, firsts",
    "journey": "trigger, reference, label, anchor_at, event, state",
    "touchpoint": "step, trigger, reference, rule, template, anchor_at, due_at, give_up_at, state, reason",
}
"""Columns in which the tables of our lane and of the loop written by hand must agree, row by row."""


@dataclass(slots=True)
class Lane:
    """What one lane measured, round by round."""

    per_second: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)


@contextlib.contextmanager
def parts(home: Path) -> Iterator[tuple[str, str]]:
    """Give the addresses of real Kafka and PostgreSQL; what is started here is stopped again."""
    found = devservices.up(home)
    try:
        yield found["kafka"], found["postgres"]
    finally:
        devservices.down(home, discard=True)


@contextlib.contextmanager
def database(server: str) -> Iterator[str]:
    """Give a migrated database of its own."""
    name = f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    head, question, query = server.partition("?")
    url = head.rpartition("/")[0] + "/" + name + question + query
    store = app.Boucle(settings_module.read({"BOUCLE_DATABASE_URL": url})).store
    migrate(store)
    store.close()
    try:
        yield url
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def run_lane(lane: str, kafka: str, url: str, home: Path, count: int) -> dict[str, float]:
    """Publish the events under a prefix of their own and let one lane consume them."""
    prefix = f"bench-{uuid.uuid4().hex[:12]}-"
    topics.create(kafka, prefix, replication=1)
    name = prefix + Topic.EVENTS
    topics.publish(kafka, (topics.Record(name, key, body, (topics.STRUCTURED,)) for key, body in events(count)))
    where = ["--kafka", kafka, "--database", url, "--prefix", prefix, "--home", str(home), "--count", str(count)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BOUCLE_")}
    with (home / f"{lane}.log").open("ab") as log:
        done = subprocess.run(
            [sys.executable, "-m", "bench.lanes", lane, *where],
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            check=True,
            timeout=900,
        )
    with topics.admin(kafka) as client:
        client.delete_topics(topics.topic_names(prefix))
    result: dict[str, float] = json.loads(done.stdout)
    return result


def same_effect(left: str, right: str) -> list[str]:
    """Return the tables in which two databases differ, in the columns that mean something to a customer."""
    found = []
    for table, columns in COMPARED.items():
        query = (
            f"SELECT md5(string_agg(row::text, E'\\n' ORDER BY row::text)) FROM (SELECT {columns} FROM {table}) AS row"
        )
        marks = []
        for url in (left, right):
            with psycopg.connect(url) as connection:
                row = connection.execute(query.encode()).fetchone()
                marks.append(row[0] if row else None)
        if marks[0] != marks[1]:
            found.append(table)
    return found


def measure(kafka: str, server: str, home: Path, count: int, rounds: int) -> dict[str, Lane]:
    """Run every lane in turn, `rounds` times; the loop by hand, which is slow, sees a part of the events once."""
    lanes = {lane: Lane() for lane in LANES}
    part = max(500, count // 8)
    with database(server) as by_hand, database(server) as by_us:
        note(lanes["hand"], run_lane("hand", kafka, by_hand, home, part))
        run_lane("ours", kafka, by_us, home, part)
        if differing := same_effect(by_hand, by_us):
            print(f"CAUTION: the loop written by hand leaves other rows in {', '.join(differing)}.", file=sys.stderr)
    for _ in range(rounds):
        for lane in ("faust", "ours"):
            with database(server) as url:
                note(lanes[lane], run_lane(lane, kafka, url, home, count))
    return lanes


def note(lane: Lane, measured: dict[str, float]) -> None:
    """Keep one measurement."""
    lane.per_second.append(measured["per_second"])
    lane.cpu_us.append(measured["cpu_us_per_event"])


def report(lanes: dict[str, Lane]) -> dict[str, object]:
    """Return the medians and the two ratios."""
    rates = {lane: statistics.median(one.per_second) for lane, one in lanes.items()}
    return {
        "events_per_second": {lane: round(rate) for lane, rate in rates.items()},
        "cpu_us_per_event": {lane: round(statistics.median(one.cpu_us), 1) for lane, one in lanes.items()},
        "ours_to_hand": round(rates["ours"] / rates["hand"], 2),
        "ours_to_faust": round(rates["ours"] / rates["faust"], 2),
    }


def run(count: int, rounds: int) -> dict[str, object]:
    """Measure with parts of our own, or those that the environment names."""
    with tempfile.TemporaryDirectory(prefix="boucle-bench-") as folder:
        home = Path(folder)
        with parts(home) as (kafka, server):
            return report(measure(kafka, server, home, count, rounds))
