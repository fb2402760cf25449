"""`python -m bench.peers`: queues in PostgreSQL that others made, beside our outbox and our sender, the same jobs each.

A plain SKIP LOCKED loop, procrastinate, pgqueuer and graphile-worker claim and complete jobs that do nothing. Ours do
more for each: the relay publishes it to Kafka; the sender composes a mail, hands it to a mail server and records that.
The packages go into an environment of this run by their names; one that cannot be installed is left out, and said so.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import uuid
import venv
from collections.abc import Callable
from pathlib import Path

from psycopg import sql

from bench import sending
from bench.waking import Bench
from workers import devservices

CONNECTIONS = 4
PACKAGES = {"procrastinate": "procrastinate", "pgqueuer": "pgqueuer[psycopg]"}
HERE = Path(__file__).parent
NAMES = {
    "loop": "plain SKIP LOCKED loop",
    "procrastinate": "procrastinate",
    "pgqueuer": "pgqueuer",
    "graphile": "graphile-worker",
    "relay": "our outbox relay, to Kafka, one connection",
    "sender": "our sender, to a mail server",
}
INSTALL_SECONDS, RUN_SECONDS = 300, 600
Peer = Callable[[str, int], list[str]]
"""The command of a peer for a database and so many jobs."""


def python_peers(home: Path) -> tuple[dict[str, Peer], list[str]]:
    """Install the peers in Python; return what runs them, and a line for each that is left out."""
    peers: dict[str, Peer] = {"loop": command_of(sys.executable, "loop")}
    left_out = []
    for name, package in PACKAGES.items():
        place = home / f"with-{name}"
        venv.create(place, with_pip=True)
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]
        if fault := fault_of(pip, home):
            left_out.append(f"{name} was left out: it could not be installed ({fault})")
        else:
            peers[name] = command_of(str(place / "bin" / "python"), name)
    return peers, left_out


def command_of(python: str, lane: str) -> Peer:
    """Return what runs a lane of peer_lanes.py by a Python."""
    return lambda url, jobs: [python, str(HERE / "peer_lanes.py"), lane, url, str(jobs), str(CONNECTIONS)]


def node_peers(home: Path) -> tuple[dict[str, Peer], list[str]]:
    """Install graphile-worker, where there is node; return what runs it, or why it is left out."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return {}, ["graphile-worker was left out: it needs node and npm"]
    place = home / "with-graphile"
    place.mkdir()
    if fault := fault_of([npm, "install", "--silent", "--no-fund", "--no-audit", "graphile-worker"], place):
        return {}, [f"graphile-worker was left out: it could not be installed ({fault})"]
    return {"graphile": lambda url, jobs: [node, str(HERE / "peer_graphile.mjs"), url, str(jobs), str(CONNECTIONS)]}, []


def fault_of(command: list[str], folder: Path) -> str:
    """Run a command in a folder, and return the last line of what it said where it failed."""
    try:
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        return f"not done within {INSTALL_SECONDS} s"
    lines = (ran.stderr or ran.stdout).strip().splitlines()
    return (lines[-1] if lines else f"exit {ran.returncode}") if ran.returncode else ""


class Peers:
    """One PostgreSQL, one Kafka, and every queue in turn on an empty database of its own."""

    def __init__(self, home: Path, server: str, kafka: str) -> None:
        self.home = home
        self.server = server
        self.bench = Bench(home, server, kafka)
        self.per_second: dict[str, list[float]] = {}

    def peer(self, name: str, command: Peer, jobs: int) -> None:
        """Measure one peer."""
        database = f"peer_{uuid.uuid4().hex[:12]}"
        self.bench.run_sql(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        folder = self.home / "with-graphile" if name == "graphile" else self.home
        try:
            ran = subprocess.run(
                command(self.bench.url(database), jobs), cwd=folder, capture_output=True, text=True, timeout=RUN_SECONDS
            )
            if ran.returncode:
                raise SystemExit(f"{name} failed: {ran.stderr[-2_000:]}")
            measured = json.loads(ran.stdout.splitlines()[-1])
            if measured["done"] != jobs:
                raise SystemExit(f"{name} did {measured['done']} of {jobs} jobs")
            self.per_second.setdefault(name, []).append(jobs / measured["seconds"])
        finally:
            self.bench.drop(database)

    def relay(self, empty: str, jobs: int) -> None:
        """Measure our relay of as many messages."""
        self.bench.relay("relay", empty, 1, jobs)
        self.per_second["relay"] = self.bench.lanes["relay"].per_second


def run(jobs: int, rounds: int) -> dict[str, object]:
    """Measure every queue in turn, round by round; return the medians, and the ratios of each round to the loop."""
    with tempfile.TemporaryDirectory(prefix="boucle-peers-") as folder:
        home = Path(folder)
        in_python, left_out = python_peers(home)
        in_node, no_node = node_peers(home)
        try:
            found = devservices.up(home)
            ground = sending.Ground("postgresql", home, found["postgres"])
            sending.fill(ground, ground.create(sending.FILLED), jobs)
            peers = Peers(home, found["postgres"], found["kafka"])
            empty = peers.bench.empty()
            for _ in range(rounds):
                for name, command in {**in_python, **in_node}.items():
                    peers.peer(name, command, jobs)
                peers.relay(empty, jobs)
                peers.per_second.setdefault("sender", []).append(sending.run_lane("ours", ground, jobs).per_second)
        finally:
            devservices.down(home, discard=True)
    loop = peers.per_second["loop"]
    return {
        "jobs": jobs,
        "connections": CONNECTIONS,
        "per_second": {name: round(statistics.median(rates)) for name, rates in peers.per_second.items()},
        "to_loop": {
            name: round(statistics.median(rate / other for rate, other in zip(rates, loop, strict=True)), 2)
            for name, rates in peers.per_second.items()
        },
        "left_out": [*left_out, *no_node],
    }


def as_text(measured: dict[str, object]) -> str:
    """Return the result for a terminal."""
    rates, ratios, left_out = measured["per_second"], measured["to_loop"], measured["left_out"]
    assert isinstance(rates, dict)
    assert isinstance(ratios, dict)
    assert isinstance(left_out, list)
    head = f"{measured['jobs']} jobs, {measured['connections']} connections; each second, and to the plain loop"
    lines = [f"{name:45} {rates[lane]:>8}/s {ratios[lane]:>7}" for lane, name in NAMES.items() if lane in rates]
    return "\n".join([head, *lines, *left_out])


def main() -> None:
    """Measure and print; a reference, nothing fails by it."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--jobs", type=int, default=4_000, help="jobs of each queue")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of every queue, in turn; medians count")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    measured = run(arguments.jobs, arguments.rounds)
    print(json.dumps(measured) if arguments.format == "json" else as_text(measured))


if __name__ == "__main__":
    main()
