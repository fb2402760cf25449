"""`make bench-scale ARGS="--customers N"`: how pages and verbs fare in a database of many customers.

Fills an empty database with copies of a demo's year (`--customers`) and of orders whose questions wait (`--waiting`).
Then it runs each verb as a process of its own, asks a `boucle web` for each page, twice, and lets the intake, the waker
and the sender work for a while. It prints seconds of wall, seconds of processor (the process's own, not PostgreSQL's)
and the most memory, beside what 0.1.0 took at a million customers and what is wanted. Run it for two sizes and compare:
what does not grow with the customers is right, whatever the machine.
"""

import argparse
import contextlib
import dataclasses
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import sqlalchemy as sa

from bench.disk import disk_by_table, disk_text
from bench.filling import fill
from bench.waking import plan_orders
from workers import devservices, settings
from workers.app import Boucle, start
from workers.domain.types import Ids
from workers.store import tables as t
from workers.store.engine import Store
from workers.store.patience import Patience
from workers.store.sign_in import accounts
from workers.usecases.operation.migrate import migrate
from workers.usecases.operation.recount import recount_report
from workers.web.staff.frame import COOKIE

BOUCLE = [sys.executable, "-c", "from workers.cli import main; main()"]
SOURCE_CUSTOMERS = 200
READER = "bench"
"""The user who asks for the pages: a lead, who may see them all."""
PAGES = ("/report", "/report/responses.xlsx", "/tables", "/queue", "/metrics", "/inbox", "/themes")
RATES = {"intake, new": "new", "intake, known": "known", "waking": "wake", "sending": "send"}
"""What is measured as a rate, and the lane of scale_rates.py that does it, in this order."""
BOUNDS: dict[str, tuple[str, float]] = {
    "boucle status": ("5-11", 3.0),
    "boucle explain customer": ("", 3.0),
    "boucle explain event": ("3.5", 3.0),
    "boucle report": ("", 3.0),
    "boucle rules check": ("14", 3.0),
    "boucle books": ("over 400", 60.0),
    "/report": ("14-18", 1.0),
    "/tables": ("14", 1.0),
    "/queue": ("8", 1.0),
    "/metrics": ("3", 1.0),
    "/inbox": ("", 1.0),
    "/themes": ("", 1.0),
}
"""Seconds that 0.1.0 took with a million customers and ten million touchpoints, and those that are wanted."""
MEGABYTES = 300.0
"""What anything may take of memory; 0.1.0 took 2.1 GB for its books."""
LOOK_SECONDS = 0.02
"""How often the memory of a verb is looked at: the system keeps the most, but forgets it at the end."""
LAST_BYTES = 4_096
START_SECONDS, PAGE_SECONDS, VERB_SECONDS = 120.0, 900.0, 1800.0


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    """What one verb or page took."""

    name: str
    seconds: float
    processor: float
    megabytes: float
    answer: str


def main() -> int:
    """Fill, measure and print."""
    arguments = parser().parse_args()
    wanted = tuple(name for name in arguments.only.split(",") if name)
    with tempfile.TemporaryDirectory(prefix="boucle-scale-") as folder, contextlib.ExitStack() as stack:
        home = Path(folder)
        source = arguments.source or demo_in(home / "source")
        of_source = Store(f"sqlite:///{source / 'boucle.db'}")
        migrate(of_source)
        of_source.close()
        url = arguments.url or stack.enter_context(database(home, arguments.database))
        store = Store(url, Patience(statement=VERB_SECONDS))
        began = time.monotonic()
        migrate(store)
        environment = environment_of(home, source, url)
        customers = customers_in(store)
        if not customers:
            customers = filled_from(source, store, environment, arguments)
        filled = time.monotonic() - began
        recount_report(store)  # as the role `send` does
        measured = [*measure(store, environment, wanted), *rates(environment, wanted, arguments.count)]
        size = about(store)
        stored = disk_by_table(store)
        store.close()
    database_facts = {"customers": customers, "database": arguments.database, "filled_in": round(filled, 1), **size}
    if arguments.format == "json":
        disk = [dataclasses.asdict(table) for table in stored]
        print(json.dumps({**database_facts, "measured": [dataclasses.asdict(row) for row in measured], "disk": disk}))
    else:
        print(as_text(database_facts, measured))
        print(disk_text(stored, customers))
    return 0


def parser() -> argparse.ArgumentParser:
    """Return what reads the arguments."""
    made = argparse.ArgumentParser(prog="bench/scale.py", description=__doc__)
    made.add_argument("--customers", type=int, default=20_000, help="customers of a demo's year")
    made.add_argument("--waiting", type=int, default=20_000, help="touchpoints that wait, of further customers")
    made.add_argument("--without-bodies", action="store_true", help="leave the bytes of mails out, as retention does")
    made.add_argument("--count", type=int, default=4_000, help="events and customers woken for each rate")
    made.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    made.add_argument(
        "--url", default="", help="a database that is kept: filled when it is empty, else measured as it is"
    )
    made.add_argument("--source", type=Path, help="home of a demo to copy; unset: one is made")
    made.add_argument("--only", default="", help="comma-separated beginnings of what to measure")
    made.add_argument("--format", choices=("text", "json"), default="text")
    return made


def filled_from(source: Path, store: Store, environment: dict[str, str], arguments: argparse.Namespace) -> int:
    """Fill a database with the customers of a demo, and with those who wait, and return how many there are."""
    ids = ids_of(source)
    left_out = {"dispatch_body"} if arguments.without_bodies else set()
    customers = fill(source / "boucle.db", store, arguments.customers, ids, left_out=left_out)
    if arguments.waiting:
        orders = source.parent / "orders.db"
        waiting, people = plan_orders(orders, {"BOUCLE_HOME": environment["BOUCLE_HOME"]})
        customers += fill(orders, store, -(-arguments.waiting // waiting) * people, ids, beside=True)
    return customers


def customers_in(store: Store) -> int:
    """Return how many customers a database has."""
    with store.reading(patient=True) as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(t.customer)).scalar_one())


def demo_in(home: Path) -> Path:
    """Make a demo's year and return its home."""
    home.mkdir(parents=True)
    command = [*BOUCLE, "demo", "--seed", "7", "--customers", str(SOURCE_CUSTOMERS), "--no-serve", "--format", "json"]
    subprocess.run(command, check=True, env={**clean(), "BOUCLE_HOME": str(home)}, stdout=subprocess.DEVNULL)
    return home


def ids_of(source: Path) -> Ids:
    """Return what the ids of a demo's rows derive from."""
    database = {"BOUCLE_HOME": str(source), "BOUCLE_DATABASE_URL": f"sqlite:///{source / 'boucle.db'}"}
    parts = start(settings.read({**clean(), **database}))
    parts.store.close()
    return parts.ids


def clean() -> dict[str, str]:
    """Return the environment without settings of whoever measures."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BOUCLE_")}


@contextlib.contextmanager
def database(home: Path, kind: str) -> Iterator[str]:
    """Give an empty database that is thrown away."""
    if kind == "sqlite":
        yield f"sqlite:///{home / 'target.db'}"
        return
    place = home / "parts"
    server = devservices.up(place, ("postgres",), environment={}, durable=False)["postgres"]
    try:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("CREATE DATABASE scale")
            connection.execute("ALTER SYSTEM SET shared_buffers = '1GB'")
            connection.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
            connection.execute("SELECT pg_reload_conf()")
        head, question, query = server.partition("?")
        yield head.rpartition("/")[0] + "/scale" + question + query
    finally:
        devservices.down(place, discard=True)


def environment_of(home: Path, source: Path, url: str) -> dict[str, str]:
    """Return the environment of an installation on the filled database, with the keys of the demo that it copies."""
    own = home / "installation"
    own.mkdir(0o700)
    for secret in source.glob("*secret*"):
        (own / secret.name).touch(0o600)
        (own / secret.name).write_bytes(secret.read_bytes())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {
        **clean(),
        "BOUCLE_HOME": str(own),
        "BOUCLE_DATABASE_URL": url,
        "BOUCLE_HTTP_BIND": f"127.0.0.1:{port}",
        "BOUCLE_RATE_LIMIT": "0",
        "BOUCLE_DATABASE_STATEMENT_SECONDS": "600",
    }


def measure(store: Store, environment: dict[str, str], wanted: tuple[str, ...]) -> Iterator[Measured]:
    """Give what each verb and each page takes."""
    with store.reading() as connection:
        crm_id = connection.execute(
            sa.select(t.customer.c.crm_id).where(t.customer.c.crm_id.is_not(None)).limit(1)
        ).scalar()
        event = connection.execute(sa.select(t.inbox.c.event_id).limit(1)).scalar()
    verbs = {
        "--help": ["--help"],
        "status": ["status"],
        "explain customer": ["explain", "customer", str(crm_id)],
        "explain event": ["explain", "event", str(event)],
        "report": ["report", "--by", "trigger"],
        "rules check": ["rules", "check", "rules/follow-up"],
        "books": ["books"],
    }
    for name, arguments in verbs.items():
        if chosen(f"boucle {name}", wanted):
            yield run(f"boucle {name}", arguments, environment)
    if any(chosen(page, wanted) for page in PAGES):
        yield from ask(store, environment, wanted)


def chosen(name: str, wanted: tuple[str, ...]) -> bool:
    """Tell whether something is to be measured."""
    return not wanted or any(name.startswith(beginning) for beginning in wanted)


def run(name: str, arguments: list[str], environment: dict[str, str]) -> Measured:
    """Run a verb as a process of its own."""
    return run_command(name, [*BOUCLE, *arguments], environment)[0]


def rates(environment: dict[str, str], wanted: tuple[str, ...], count: int) -> Iterator[Measured]:
    """Give what the intake, the waker and the sender do a second."""
    for name, lane in RATES.items():
        if chosen(name, wanted):
            command = [sys.executable, "-m", "bench.scale_rates", lane, "--count", str(count)]
            measured, told = run_command(name, command, environment)
            done = json.loads(told or "{}")
            rate = (
                f"{done['done']:,} in {done['seconds']:.1f} s: {done['done'] / done['seconds']:,.0f}/s" if done else ""
            )
            yield dataclasses.replace(measured, answer=rate or measured.answer)


def run_command(name: str, command: list[str], environment: dict[str, str]) -> tuple[Measured, str]:
    """Run a command, and return what it took and what it printed last."""
    began = time.monotonic()
    megabytes = 0.0
    with (
        tempfile.TemporaryFile("w+") as printed,
        subprocess.Popen(command, env=environment, stdout=printed) as process,
    ):
        while True:
            with contextlib.suppress(OSError, StopIteration):  # it has just ended
                megabytes = most_memory(process.pid)  # the most since it became this program
            done, status, used = os.wait4(process.pid, os.WNOHANG)
            if done:
                break
            time.sleep(LOOK_SECONDS)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        printed.seek(max(0, printed.seek(0, os.SEEK_END) - LAST_BYTES))
        last = printed.read().splitlines()[-1:]
    measured = Measured(name, seconds, used.ru_utime + used.ru_stime, megabytes, f"exit {process.returncode}")
    return measured, last[0] if last and not process.returncode else ""


def ask(store: Store, environment: dict[str, str], wanted: tuple[str, ...]) -> Iterator[Measured]:
    """Serve the pages, and give what each takes the first time and the second."""
    token = secrets.token_urlsafe(32)
    cookie = Boucle(settings.read(environment)).links.sign("session", token)
    with store.engine.begin() as connection:
        connection.execute(sa.delete(t.user).where(t.user.c.name == READER))
        user = {"name": READER, "role": "lead", "password_hash": "", "created_at": datetime.now(UTC)}
        connection.execute(sa.insert(t.user).values(**user))
        accounts.put_token(connection, token, accounts.Kind.SESSION, READER, timedelta(days=1))
    port = int(environment["BOUCLE_HTTP_BIND"].rpartition(":")[2])
    process = subprocess.Popen([*BOUCLE, "web"], env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        for page in PAGES:
            for turn in ("first", "again") if chosen(page, wanted) else ():
                before, began = processor_of(process.pid), time.monotonic()
                status, length = get(port, page, cookie)
                seconds = time.monotonic() - began
                used = processor_of(process.pid) - before
                answer = f"{status}, {length / 1024:.0f} kB, {turn}"
                yield Measured(page, seconds, used, most_memory(process.pid), answer)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the pages are served."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            get(port, "/healthz", "")
            return
        time.sleep(0.1)
    raise SystemExit("boucle web does not answer")


def get(port: int, page: str, token: str) -> tuple[int, int]:
    """Ask for a page and return its status and length."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PAGE_SECONDS)
    try:
        client.request("GET", page, headers={"Cookie": f"{COOKIE}={token}"})
        answer = client.getresponse()
        length = 0
        while chunk := answer.read(1 << 16):
            length += len(chunk)
        return answer.status, length
    finally:
        client.close()


def processor_of(pid: int) -> float:
    """Return the seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def most_memory(pid: int) -> float:
    """Return the most megabytes that a process has held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def about(store: Store) -> dict[str, object]:
    """Return how large the database is."""
    with store.reading(patient=True) as connection:
        rows = {
            name: int(connection.execute(sa.select(sa.func.count()).select_from(t.metadata.tables[name])).scalar_one())
            for name in ("touchpoint", "survey_request", "response", "dispatch")
        }
        if store.sqlite:
            size = connection.exec_driver_sql(
                "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
            )
        else:
            size = connection.exec_driver_sql("SELECT pg_database_size(current_database())")
        return {**rows, "megabytes": int(size.scalar_one()) // 2**20}


def overs(row: Measured, bound: float) -> tuple[tuple[str, bool], ...]:
    """Return of what something took more than is wanted."""
    return ("time", 0 < bound < row.seconds), ("memory", row.megabytes > MEGABYTES)


def as_text(told: dict[str, object], measured: list[Measured]) -> str:
    """Return the table for a terminal."""
    lines = [", ".join(f"{name} {value}" for name, value in told.items()), ""]
    lines.append(f"{'':26}{'0.1.0':>9}{'wanted':>8}{'seconds':>9}{'processor':>11}{'MB':>6}  answer")
    for row in measured:
        before, bound = BOUNDS.get(row.name, ("", 0.0))
        over = "".join(f" (too much {word})" for word, is_over in overs(row, bound) if is_over)
        lines.append(
            f"{row.name:26}{before:>9}{f'< {bound:g}' if bound else '':>8}{row.seconds:>9.2f}{row.processor:>11.2f}"
            f"{row.megabytes:>6.0f}  {row.answer}{over}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
