"""`python -m bench.intake_at_size`: the intake in a database that holds much already, to that in an empty one.

SQLite with so many customers (`--customers`) by the processor's time, and PostgreSQL where so many touchpoints wait
(`--pending`) by the wall clock: events of new customers, and of ones that are stored, which are also measured among
few. Without Kafka: batches are handed to the intake, as a file's are. The databases are filled with copies of orders
that the product planned.
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from bench.filling import fill
from bench.orders import NOW, events
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
Clock = Callable[[], float]


def rate(url: str, home: Path, count: int, clock: Clock, *, known: bool = False) -> float:
    """Take so many events in, and return how many a second of a clock."""
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
    began = clock()
    while batch := list(islice(coming, BATCH)):
        outcomes = parts.intake.take(batch, Ingress.FILE)
        if refused := [outcome.rejected.fault for outcome in outcomes if outcome.rejected]:
            raise SystemExit(str(refused[0]))
    took = clock() - began
    with parts.store.reading() as connection:
        if known and (strangers := stored_customers(connection) - before):
            raise SystemExit(f"{strangers} of the known customers were new ones")
    parts.store.close()
    return (count - BATCH) / took


def stored_customers(connection: Connection) -> int:
    """Return how many customers there are."""
    return int(connection.exec_driver_sql("SELECT count(*) FROM customer").scalar_one())


LANES = {"empty": False, "new": False, "known": True, "known among few": True}
"""Whether the events of a lane are of stored customers."""


def on_sqlite(home: Path, customers: int, count: int, rounds: int) -> dict[str, list[float]]:
    """Measure SQLite, empty, with so many customers, and with few."""
    source = home / "source.db"
    if not source.exists():
        plan_orders(source)
    for name, size in (("many", customers), ("few", KNOWN)):
        store = Store(f"sqlite:///{home / name}.db")
        migrate(store)
        fill(source, store, size, IDS)
        store.close()
    rates: dict[str, list[float]] = {name: [] for name in LANES}
    for _ in range(rounds):
        for name, of_lane in rates.items():
            file = home / "lane.db"
            if name != "empty":
                shutil.copyfile(home / f"{'few' if name.endswith('few') else 'many'}.db", file)
            of_lane.append(rate(f"sqlite:///{file}", home, count, time.process_time, known=LANES[name]))
            for written in home.glob("lane.db*"):
                written.unlink()
    return rates


def on_postgresql(home: Path, pending: int, count: int, rounds: int) -> dict[str, list[float]]:
    """Measure PostgreSQL, empty, where so many touchpoints wait, and where few do."""
    server = devservices.up(home, ["postgres"])["postgres"]
    bench = Bench(home, server, "")
    rates: dict[str, list[float]] = {name: [] for name in LANES}
    try:
        empty, few, many = bench.empty(), bench.filled(FEW_WAIT)[0], bench.filled(pending)[0]
        for _ in range(rounds):
            for name, of_lane in rates.items():
                filled = empty if name == "empty" else few if name.endswith("few") else many
                with bench.copy_of(filled) as database:
                    url = bench.url(database)
                    of_lane.append(rate(url, home, count, time.perf_counter, known=LANES[name]))
    finally:
        devservices.down(home, discard=True)
    return rates


RATIOS = {
    "new_to_empty": ("new", "empty"),
    "known_to_empty": ("known", "empty"),
    "known_to_few": ("known", "known among few"),
}
"""The last one is what the size costs; the one before it also what it costs that a customer has a past."""


def ratios(rates: dict[str, list[float]]) -> dict[str, object]:
    """Return the medians, and the median of each round's ratios."""
    return {
        "per_second": {name: round(statistics.median(of_lane)) for name, of_lane in rates.items()},
        **{
            name: round(
                statistics.median(over / under for over, under in zip(rates[above], rates[below], strict=True)), 2
            )
            for name, (above, below) in RATIOS.items()
        },
    }


def run(arguments: argparse.Namespace) -> dict[str, dict[str, object]]:
    """Measure what is asked for."""
    measured = {}
    with tempfile.TemporaryDirectory(prefix="boucle-size-") as folder:
        home = Path(folder)
        if arguments.customers:
            sqlite = on_sqlite(home, arguments.customers, arguments.events, arguments.rounds)
            measured["sqlite"] = {"customers": arguments.customers, **ratios(sqlite)}
        if arguments.pending:
            postgresql = on_postgresql(home, arguments.pending, arguments.events, arguments.rounds)
            measured["postgresql"] = {"pending": arguments.pending, **ratios(postgresql)}
    return measured


def as_text(measured: dict[str, dict[str, object]]) -> str:
    """Return the result for a terminal."""
    return "\n".join(
        f"{engine}, {told.get('customers', told.get('pending')):,} {'customers' if engine == 'sqlite' else 'waiting'}: "
        f"new customers {told['new_to_empty']}, known ones {told['known_to_empty']} of the empty one's rate "
        f"(wanted: {WANTED}), known ones {told['known_to_few']} of the rate among few; "
        f"events/s {json.dumps(told['per_second'])}"
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
