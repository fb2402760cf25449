"""One process of a lane of bench/waking.py: says `ready`, waits for a line, works, and prints what it measured as JSON.

    python -m bench.waking_lanes hand|wake|tickets|relay --database URL --home FOLDER [--kafka HOST:PORT] ...

hand: bench/wake_by_hand.py. wake: the scheduler, round by round. tickets: the intake of scores of 0 to 6 of other
tools, each of which opens a ticket. relay: the outbox to real Kafka. Starting is left out of all of them.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import islice

import orjson
import psycopg

from bench.orders import NOW
from bench.wake_by_hand import wake_one
from workers import app as wiring
from workers import settings as settings_module
from workers.adapters.clock import FixedClock
from workers.app import Boucle
from workers.domain.ticket.sla import told_before
from workers.domain.types import Ingress
from workers.process.startup_heap import freeze_startup_heap
from workers.store.ledger import Incoming

WAKES_AT = NOW + timedelta(days=2)
"""When every order's first question has come due and none is too late; the others wait for weeks and months."""
SCORES_A_BATCH = 200
EMPTY_ROUNDS = 3
"""How often nothing may be found before a lane is done: what another one holds is due until it has written it."""


def wake(parts: Boucle, arguments: argparse.Namespace) -> int:
    """Wake until nothing is due any more, or as many customers as wanted are woken."""
    woken = empty = 0
    while empty < EMPTY_ROUNDS and (not arguments.most or woken < arguments.most):
        some = parts.scheduler.wake_some()
        woken += some
        empty = 0 if some else empty + 1
    return woken


def hand(parts: Boucle, arguments: argparse.Namespace) -> int:
    """Run the loop written by hand."""
    woken = 0
    with psycopg.connect(arguments.database, autocommit=True) as connection:
        while (not arguments.most or woken < arguments.most) and wake_one(connection, WAKES_AT):
            woken += 1
    return woken


def tickets(parts: Boucle, arguments: argparse.Namespace) -> int:
    """Take in this process's share of the low scores, batch by batch."""
    scores = iter(arguments.prepared)
    while batch := list(islice(scores, SCORES_A_BATCH)):
        outcomes = parts.intake.take(batch, Ingress.KAFKA)
        if refused := [outcome.rejected.fault for outcome in outcomes if outcome.rejected]:
            raise SystemExit(str(refused[0]))
    return len(arguments.prepared)


def low_scores(arguments: argparse.Namespace) -> list[Incoming]:
    """Return this process's share of the low scores, each of a person of whom nothing was known."""
    return [Incoming(low_score(f"S-{n:07}")) for n in range(arguments.share, arguments.scores, arguments.of)]


def low_score(crm_id: str) -> bytes:
    """Return a score of 2 as another tool publishes it."""
    data = {"score": 2, "comment": "It broke.", "trigger": "delivery", "answered_at": WAKES_AT.isoformat()}
    head = {"specversion": "1.0", "id": f"score-{crm_id}", "source": "tool", "type": "boucle.score.v1"}
    return orjson.dumps({**head, "subject": crm_id, "time": WAKES_AT.isoformat(), "data": data})


def relay(parts: Boucle, arguments: argparse.Namespace) -> int:
    """Publish until the outbox is empty for this relay."""
    relaying, sent, empty = parts.outgoing.outbox_relay(), 0, 0
    while empty < EMPTY_ROUNDS:
        some = relaying.relay_all()
        sent += some
        empty = 0 if some else empty + 1
    return sent


WORK: dict[str, Callable[[Boucle, argparse.Namespace], int]] = {
    "wake": wake,
    "hand": hand,
    "tickets": tickets,
    "relay": relay,
}


def cpu_seconds() -> float:
    """Return the processor time that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run one process of a lane and print what it measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lane", choices=tuple(WORK))
    parser.add_argument("--database", required=True)
    parser.add_argument("--home", required=True)
    parser.add_argument("--kafka", default="")
    parser.add_argument("--prefix", default="")
    parser.add_argument("--most", type=int, default=0, help="customers (by hand: touchpoints) to wake; 0: all")
    parser.add_argument("--scores", type=int, default=0)
    parser.add_argument("--share", type=int, default=0)
    parser.add_argument("--of", type=int, default=1)
    arguments = parser.parse_args()
    environment = {
        "BOUCLE_DATABASE_URL": arguments.database,
        "BOUCLE_HOME": arguments.home,
        "BOUCLE_SECRET": "bench",
        "BOUCLE_MAIL_PER_DAY": "0",
        "BOUCLE_TOPIC_PREFIX": arguments.prefix,
        **({"BOUCLE_KAFKA_BOOTSTRAP": arguments.kafka} if arguments.kafka else {}),
    }
    parts = wiring.start(settings_module.read(environment), clock=FixedClock(WAKES_AT))
    parts.scheduler.take_over()
    if arguments.lane == "tickets":
        arguments.prepared = low_scores(arguments)
    told_before(parts.policies.current().calendar, WAKES_AT)  # reads the country's days off, once a process
    freeze_startup_heap()
    print("ready", flush=True)
    sys.stdin.readline()
    began, cpu = time.time(), cpu_seconds()
    done = WORK[arguments.lane](parts, arguments)
    measured = {"done": done, "began": began, "ended": time.time(), "cpu": cpu_seconds() - cpu}
    parts.store.close()
    print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    main()
