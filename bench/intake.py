"""How fast the intake is, Kafka to committed plan: against a loop by hand, Faust doing nothing, and the least.

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
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from bench.orders import events
from workers import app, devservices
from workers import settings as settings_module
from workers.adapters import kafka as topics
from workers.adapters.kafka import Topic
from workers.usecases.operation.migrate import migrate

LANES = ("hand", "faust", "floor", "ours", "one stream", "two streams")
COMPARED = {
    "customer": "crm_id, email, name, language, time_zone, segment, firsts",
    "journey": "trigger, reference, label, anchor_at, event, state",
    "touchpoint": "step, trigger, reference, rule, template, anchor_at, due_at, give_up_at, state, reason",
}
"""Columns in which the tables of our lane and of the loop written by hand must agree, row by row."""
COMPARED_WITH_FLOOR = {
    "inbox": "source, event_id, type, door, occurred_at, received_at",
    "customer": f"{COMPARED['customer']}, created_at, changed_at",
    "journey": f"{COMPARED['journey']}, details, plan_version, began, delivery_expected",
    "touchpoint": f"{COMPARED['touchpoint']}, plan_version, wake_at, if_resting, reminder, detail, planned_at",
}
"""The same for the floor, which leaves the very same rows: all but ids and the digest of an event."""
SHARED_SECONDS = 600.0
LOOK_SECONDS = 0.05


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


@contextlib.contextmanager
def published(kafka: str, messages: Sequence[tuple[str, bytes]]) -> Iterator[str]:
    """Publish events under a prefix of their own, and give it."""
    prefix = f"bench-{uuid.uuid4().hex[:12]}-"
    topics.create(kafka, prefix, replication=1)
    name = prefix + Topic.EVENTS
    topics.publish(kafka, (topics.Record(name, key, body, (topics.STRUCTURED,)) for key, body in messages))
    try:
        yield prefix
    finally:
        with topics.admin(kafka) as client:
            client.delete_topics(topics.topic_names(prefix))


def command_of(lane: str, where: dict[str, object]) -> list[str]:
    """Return the command of a lane."""
    options = [part for name, value in where.items() for part in (f"--{name}", str(value))]
    return [sys.executable, "-m", "bench.lanes", lane, *options]


def clean() -> dict[str, str]:
    """Return the environment without settings of whoever measures."""
    return {key: value for key, value in os.environ.items() if not key.startswith("BOUCLE_")}


def run_lane(lane: str, kafka: str, url: str, home: Path, messages: Sequence[tuple[str, bytes]]) -> dict[str, float]:
    """Let one lane consume events that were published before."""
    with published(kafka, messages) as prefix, (home / f"{lane}.log").open("ab") as log:
        where = {"kafka": kafka, "database": url, "prefix": prefix, "home": home, "count": len(messages)}
        command = command_of(lane, where)
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, env=clean(), check=True, timeout=900)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def run_streams(streams: int, kafka: str, url: str, home: Path, messages: Sequence[tuple[str, bytes]]) -> float:
    """Let some streams of ours share the partitions of events published before; return the events a second."""
    with (
        published(kafka, messages) as prefix,
        (home / "streams.log").open("ab") as log,
        contextlib.ExitStack() as stack,
    ):
        where = {"kafka": kafka, "database": url, "prefix": prefix, "home": home, "count": len(messages), "of": streams}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log, "text": True}
        running = [
            stack.enter_context(subprocess.Popen(command_of("ours", where), env=clean(), **pipes))
            for _ in range(streams)
        ]
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", (home / "streams.log").read_text()[-3_000:]
        tell(running, "go")
        wait_for_events(url, len(messages))
        tell(running, "stop")
        moments = [json.loads(process.communicate(timeout=60)[0]) for process in running]
    return len(messages) / (max(end for _, end in moments) - min(begin for begin, _ in moments if begin))


def tell(running: Sequence[subprocess.Popen[str]], word: str) -> None:
    """Write a line to every process."""
    for process in running:
        assert process.stdin is not None
        process.stdin.write(word + "\n")
        process.stdin.flush()


def wait_for_events(url: str, count: int) -> None:
    """Wait until so many events are taken in."""
    deadline = time.monotonic() + SHARED_SECONDS
    with psycopg.connect(url, autocommit=True) as connection:
        while (row := connection.execute("SELECT count(*) FROM inbox").fetchone()) and row[0] < count:
            if time.monotonic() > deadline:
                raise SystemExit(f"{row[0]} of {count} events were taken in after {SHARED_SECONDS:.0f} s")
            time.sleep(LOOK_SECONDS)


def differing_tables(left: str, right: str, compared: dict[str, str]) -> list[str]:
    """Return the tables in which two databases differ, in some of their columns."""
    found = []
    for table, columns in compared.items():
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


def measure(
    kafka: str, server: str, home: Path, count: int, rounds: int
) -> tuple[dict[str, Lane], dict[str, list[str]]]:
    """Run every lane in turn, `rounds` times; return them, and the tables in which other lanes leave other rows.

    The loop by hand, which is slow, sees a part of the events.
    """
    lanes: dict[str, Lane] = {lane: Lane() for lane in LANES}
    part, whole = events(max(500, count // 8)), events(count)
    with database(server) as by_hand, database(server) as by_floor, database(server) as by_us:
        note(lanes["hand"], run_lane("hand", kafka, by_hand, home, part))
        run_lane("floor", kafka, by_floor, home, part)
        run_lane("ours", kafka, by_us, home, part)
        differing = {
            "the loop by hand": differing_tables(by_hand, by_us, COMPARED),
            "the floor": differing_tables(by_floor, by_us, COMPARED_WITH_FLOOR),
        }
    for turn in range(rounds):
        for lane in ("hand", "faust", "floor", "ours"):
            if lane != "hand" or turn:
                with database(server) as url:
                    note(lanes[lane], run_lane(lane, kafka, url, home, part if lane == "hand" else whole))
        for streams, lane in ((1, "one stream"), (2, "two streams")):
            with database(server) as url:
                lanes[lane].per_second.append(run_streams(streams, kafka, url, home, whole))
    return lanes, differing


def note(lane: Lane, measured: dict[str, float]) -> None:
    """Keep one measurement."""
    lane.per_second.append(measured["per_second"])
    lane.cpu_us.append(measured["cpu_us_per_event"])


RATIOS = {
    "ours_to_hand": ("ours", "hand"),
    "ours_to_faust": ("ours", "faust"),
    "ours_to_floor": ("ours", "floor"),
    "two_streams": ("two streams", "one stream"),
}


def report(lanes: dict[str, Lane]) -> dict[str, object]:
    """Return the medians, and the median of each ratio of the rounds: what disturbs a round disturbs both."""
    return {
        "events_per_second": {name: round(statistics.median(lane.per_second)) for name, lane in lanes.items()},
        "cpu_us_per_event": {
            name: round(statistics.median(lane.cpu_us), 1) for name, lane in lanes.items() if lane.cpu_us
        },
        **{name: paired(lanes[above], lanes[below]) for name, (above, below) in RATIOS.items()},
    }


def paired(above: Lane, below: Lane) -> float:
    """Return the median of two lanes' ratios, round by round."""
    rounds = zip(above.per_second, below.per_second, strict=True)
    return round(statistics.median(over / under for over, under in rounds), 2)


def run(count: int, rounds: int) -> dict[str, object]:
    """Measure with parts of our own, or those that the environment names."""
    with tempfile.TemporaryDirectory(prefix="boucle-bench-") as folder:
        home = Path(folder)
        with parts(home) as (kafka, server):
            lanes, differing = measure(kafka, server, home, count, rounds)
    return {**report(lanes), "rows_differ": differing}
