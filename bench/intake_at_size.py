"""`python -m bench.intake_at_size`: the intake in a database that holds much already, to that in an empty one.

SQLite with so many customers (`--customers`) by the processor's time, and PostgreSQL where so many touchpoints wait
(`--pending`) by the wall clock: events of new customers, and of ones that are stored, which are also measured among
few. Without Kafka: batches are handed to the intake, as a file's are. The databases are filled with copies of orders
that the product planned.
"""

import argparse
import contextlib
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bench.filling import fill
from bench.orders import NOW, events
from bench.scale import processor_of
from bench.waking import IDS, SECRET, Bench, plan_orders
from workers import app as wiring
from workers import devservices
from workers import settings as settings_module
from workers.adapters.clock import FixedClock
from workers.domain.types import Ingress
from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.ledger import Incoming
from workers.usecases.operation.migrate import migrate

BATCH = 500
WANTED = 0.9
KNOWN = 2_000
"""How many of the stored customers the events of known ones are about."""
FEW_WAIT = 16_000
"""Touchpoints that wait where few do: those of some 2,200 customers."""
STORED_CUSTOMERS = f"SELECT crm_id FROM customer WHERE crm_id IS NOT NULL ORDER BY id LIMIT {KNOWN}"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a lane did: events a second of the wall clock, and µs of processor an event, PostgreSQL's included."""

    per_second: float
    cpu_us: float


def take(url: str, home: Path, count: int, *, known: bool = False) -> Taken:
    """Take so many events in, of new customers or of stored ones, and measure it."""
    store = Store(url)
    migrate(store)
    customers: Sequence[str] = ()
    before = 0
    if known:
        with store.reading() as connection:
            before = stored_customers(connection)
            customers = [str(crm_id) for (crm_id,) in connection.exec_driver_sql(STORED_CUSTOMERS)]
    store.close()
    environment = {"BOUCLE_DATABASE_URL": url, "BOUCLE_HOME": str(home / "installation"), "BOUCLE_SECRET": SECRET}
    parts = wiring.start(settings_module.read(environment), clock=FixedClock(NOW))
    messages = [Incoming(body) for _, body in events(count, seed=2, customers=customers)]
    coming = iter(messages)
    parts.intake.take(list(islice(coming, BATCH)), Ingress.FILE)  # statements prepared, files read
    began, used = time.perf_counter(), processor(parts.store)
    while batch := list(islice(coming, BATCH)):
        outcomes = parts.intake.take(batch, Ingress.FILE)
        if refused := [outcome.rejected.fault for outcome in outcomes if outcome.rejected]:
            raise SystemExit(str(refused[0]))
    seconds, cpu = time.perf_counter() - began, processor(parts.store) - used
    with parts.store.reading() as connection:
        if known and (strangers := stored_customers(connection) - before):
            raise SystemExit(f"{strangers} of the known customers were new ones")
    parts.store.close()
    return Taken((count - BATCH) / seconds, cpu / (count - BATCH) * 1e6)


def processor(store: Store) -> float:
    """Return the seconds of processor that this process has used, and PostgreSQL for its connections."""
    used = time.process_time()
    if not store.sqlite:
        with store.reading() as connection:
            pids = connection.exec_driver_sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
            for (pid,) in pids.all():
                with contextlib.suppress(OSError):  # one that has ended since
                    used += processor_of(pid)
    return used


def stored_customers(connection: Connection) -> int:
    """Return how many customers there are."""
    return int(connection.exec_driver_sql("SELECT count(*) FROM customer").scalar_one())


LANES = {"empty": False, "new": False, "known": True, "known among few": True}
"""Whether the events of a lane are of stored customers."""


def on_sqlite(home: Path, customers: int, count: int, rounds: int) -> dict[str, list[Taken]]:
    """Measure SQLite, empty, with so many customers, and with few."""
    source = home / "source.db"
    if not source.exists():
        plan_orders(source)
    for name, size in (("many", customers), ("few", KNOWN)):
        store = Store(f"sqlite:///{home / name}.db")
        migrate(store)
        fill(source, store, size, IDS)
        store.close()
    rates: dict[str, list[Taken]] = {name: [] for name in LANES}
    for _ in range(rounds):
        for name, of_lane in rates.items():
            file = home / "lane.db"
            if name != "empty":
                shutil.copyfile(home / f"{'few' if name.endswith('few') else 'many'}.db", file)
            of_lane.append(take(f"sqlite:///{file}", home, count, known=LANES[name]))
            for written in home.glob("lane.db*"):
                written.unlink()
    return rates


def on_postgresql(home: Path, pending: int, count: int, rounds: int) -> dict[str, list[Taken]]:
    """Measure PostgreSQL, empty, where so many touchpoints wait, and where few do."""
    server = devservices.up(home, ["postgres"])["postgres"]
    bench = Bench(home, server, "")
    rates: dict[str, list[Taken]] = {name: [] for name in LANES}
    try:
        empty, few, many = bench.empty(), bench.filled(FEW_WAIT)[0], bench.filled(pending)[0]
        for _ in range(rounds):
            for name, of_lane in rates.items():
                filled = empty if name == "empty" else few if name.endswith("few") else many
                with bench.copy_of(filled) as database:
                    of_lane.append(take(bench.url(database), home, count, known=LANES[name]))
    finally:
        devservices.down(home, discard=True)
    return rates


RATIOS = {
    "new_to_empty": ("new", "empty"),
    "known_to_empty": ("known", "empty"),
    "known_to_few": ("known", "known among few"),
}
"""The last one is what the size costs; the one before it also what it costs that a customer has a past."""


def by_clock(taken: Taken) -> float:
    """Return the rate of a lane by the wall clock."""
    return taken.per_second


def by_processor(taken: Taken) -> float:
    """Return the rate of a lane by the processor's time, which other work moves less."""
    return 1 / taken.cpu_us


def ratios(rates: dict[str, list[Taken]], measured: Callable[[Taken], float]) -> dict[str, object]:
    """Return the medians, and the median of each round's ratios, of the rates by one of the clocks."""

    def median(above: str, below: str, rate: Callable[[Taken], float]) -> float:
        pairs = zip(rates[above], rates[below], strict=True)
        return round(statistics.median(rate(over) / rate(under) for over, under in pairs), 2)

    return {
        "per_second": {name: round(statistics.median(one.per_second for one in ran)) for name, ran in rates.items()},
        "cpu_us_each": {name: round(statistics.median(one.cpu_us for one in ran)) for name, ran in rates.items()},
        **{name: median(*lanes, measured) for name, lanes in RATIOS.items()},
        **{f"{name}_by_processor": median(*lanes, by_processor) for name, lanes in RATIOS.items()},
    }


def run(arguments: argparse.Namespace) -> dict[str, dict[str, object]]:
    """Measure what is asked for."""
    measured = {}
    with tempfile.TemporaryDirectory(prefix="boucle-size-") as folder:
        home = Path(folder)
        if arguments.customers:
            sqlite = on_sqlite(home, arguments.customers, arguments.events, arguments.rounds)
            measured["sqlite"] = {"customers": arguments.customers, **ratios(sqlite, by_processor)}
        if arguments.pending:
            postgresql = on_postgresql(home, arguments.pending, arguments.events, arguments.rounds)
            measured["postgresql"] = {
                "pending": arguments.pending,
                **ratios(postgresql, by_clock),
            }
    return measured


def as_text(measured: dict[str, dict[str, object]]) -> str:
    """Return the result for a terminal."""
    return "\n".join(
        f"{engine}, {told.get('customers', told.get('pending')):,} {'customers' if engine == 'sqlite' else 'waiting'}: "
        f"new customers {told['new_to_empty']}, known ones {told['known_to_empty']} of the empty one's rate "
        f"(wanted: {WANTED}), known ones {told['known_to_few']} of the rate among few; "
        f"by the processor {told['new_to_empty_by_processor']}, {told['known_to_empty_by_processor']} and "
        f"{told['known_to_few_by_processor']}; events/s {json.dumps(told['per_second'])}; "
        f"us of processor an event {json.dumps(told['cpu_us_each'])}"
        for engine, told in measured.items()
    )


def main() -> None:
    """Measure and print; the figures are read by people, nothing fails by them."""
    parser = argparse.ArgumentParser(prog="python -m bench.intake_at_size", description=__doc__)
    parser.add_argument("--customers", type=int, default=50_000, help="customers in SQLite; 0: not measured")
    parser.add_argument("--pending", type=int, default=0, help="touchpoints that wait in PostgreSQL; 0: not measured")
    parser.add_argument("--events", type=int, default=4_500, help="events of each lane, the first 500 not measured")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of every lane, in turn; medians count")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    measured = run(arguments)
    print(json.dumps(measured) if arguments.format == "json" else as_text(measured))


if __name__ == "__main__":
    main()
