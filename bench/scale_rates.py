"""One rate of `make bench-scale`, as a process of its own on the filled database: `python -m bench.scale_rates LANE`.

new, known: events of customers nobody knows, or of stored ones, to the committed plan, without Kafka. wake: what comes
due of those who wait. send: the mails of these, to `bench.mail_sink` on this machine. The installation is that of the
environment; starting is left out. Prints what it did, and in how many seconds, as JSON.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from uuid import uuid4

from bench.orders import NOW, events
from bench.sending_lanes import OPEN
from bench.waking_lanes import EMPTY_ROUNDS, WAKES_AT
from workers import app as wiring
from workers import settings
from workers.adapters.clock import FixedClock
from workers.app import Boucle
from workers.domain.types import Ingress
from workers.process.startup_heap import freeze_startup_heap
from workers.store.ledger import Incoming

BATCH = 500
WAITING = """SELECT crm_id FROM customer WHERE id > %s AND crm_id LIKE 'C-%%' ORDER BY id LIMIT %s"""
"""Those who wait, from somewhere on: of a database that is measured again, others."""


def take_in(parts: Boucle, customers: list[str], count: int) -> int:
    """Take in events of these customers."""
    coming = (Incoming(body) for _, body in events(count, seed=2, customers=customers))
    while batch := list(islice(coming, BATCH)):
        outcomes = parts.intake.take(batch, Ingress.FILE)
        if refused := [outcome.rejected.fault for outcome in outcomes if outcome.rejected]:
            raise SystemExit(str(refused[0]))
    return count


def new(parts: Boucle, count: int) -> Callable[[], int]:
    """Return what takes in events of customers nobody knows."""
    who = uuid4().hex[:8]
    return lambda: take_in(parts, [f"N-{who}-{n:07}" for n in range(count)], count)


def known(parts: Boucle, count: int) -> Callable[[], int]:
    """Return what takes in events of stored customers."""
    store = parts.store
    with store.reading() as connection:
        query = WAITING.replace("%s", "?").replace("%%", "%") if store.sqlite else WAITING
        stored = [str(crm_id) for (crm_id,) in connection.exec_driver_sql(query, (str(uuid4()), count // 2))]
    if not stored:
        raise SystemExit("nobody waits: fill the database with --waiting")
    return lambda: take_in(parts, stored, count)


def wake(parts: Boucle, count: int) -> Callable[[], int]:
    """Return what wakes so many customers, or whoever there is."""

    def run() -> int:
        woken = empty = 0
        while woken < count and empty < EMPTY_ROUNDS:
            some = parts.scheduler.wake_some()
            woken, empty = woken + some, 0 if some else empty + 1
        return woken

    parts.scheduler.take_over()
    return run


def send(parts: Boucle, _count: int) -> Callable[[], int]:
    """Return what sends every mail that is due."""
    return lambda: asyncio.run(parts.outgoing.delivery().send_mails())


LANES: dict[str, Callable[[Boucle, int], Callable[[], int]]] = {"new": new, "known": known, "wake": wake, "send": send}
CLOCKS = {"new": NOW, "known": NOW, "wake": WAKES_AT, "send": WAKES_AT}


@contextmanager
def mail_sink() -> Iterator[str]:
    """Give the address of a mail server that takes everything."""
    command = [sys.executable, "-m", "bench.mail_sink"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sink:
        assert sink.stdout is not None
        yield f"smtp://127.0.0.1:{int(sink.stdout.readline())}?tls=none"
        sink.communicate(timeout=10)


def main() -> None:
    """Measure one rate."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale_rates", description=__doc__)
    parser.add_argument("lane", choices=tuple(LANES))
    parser.add_argument("--count", type=int, default=4_000, help="events, or customers woken")
    arguments = parser.parse_args()
    with mail_sink() as address:
        environment = {**os.environ, "BOUCLE_SMTP_URL": address, "BOUCLE_MAIL_PER_DAY": "0"}
        parts = wiring.start(settings.read(environment), clock=FixedClock(CLOCKS[arguments.lane]), sending=OPEN)
        run = LANES[arguments.lane](parts, arguments.count)
        freeze_startup_heap()
        began = time.perf_counter()
        done = run()
        seconds = time.perf_counter() - began
        parts.store.close()
    print(json.dumps({"done": done, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
