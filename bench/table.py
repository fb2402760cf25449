"""`make bench`: every bench in turn, and one table of all ratios: what, wanted, measured.

Each bench is a process of its own and may be run alone; what it says itself goes to standard error. `--rounds` and
`--share` make the run longer, `--pending N` adds the intake and the waking among N waiting touchpoints, `--only`
chooses.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from bench import __main__ as intake
from bench import intake_at_size, sending, waking

START_SECONDS, DEMO_SECONDS = 0.3, 20.0
STARTS = 5
BOUCLE = [sys.executable, "-c", "from workers.cli import main; main()"]
INTAKE = {
    "ours_to_hand": "intake ÷ loop by hand",
    "ours_to_faust": "intake ÷ Faust alone",
    "ours_to_floor": "intake ÷ floor of the same rows",
    "two_streams": "two streams ÷ one",
}
WAKING = {
    "wake_to_hand": "waking ÷ loop by hand",
    "many_to_few": "waking among many ÷ among few",
    "two_wakers": "two wakers ÷ one",
    "two_opening_tickets": "two processes opening tickets ÷ one",
    "two_relays": "two relays ÷ one",
}
SENDING = {"ours_to_hand": "sending ÷ loop by hand, same connections", "two_to_one": "two senders ÷ one"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; without a wanted figure it is a reference. `least`: the figure is to be reached."""

    what: str
    wanted: float | None
    measured: float
    unit: str = ""
    least: bool = True

    @property
    def reached(self) -> bool | None:
        """Whether the measured figure is as wanted; None for a reference."""
        if self.wanted is None:
            return None
        return self.measured >= self.wanted if self.least else self.measured <= self.wanted


Lines = Iterator[Line]


def output_of(module: str, arguments: dict[str, object]) -> list[Any]:
    """Run a bench and return each line that it prints, read as JSON; a missed target is no fault of the run."""
    options = [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
    ran = subprocess.run(
        [sys.executable, "-m", module, *options, "--format", "json"], stdout=subprocess.PIPE, text=True
    )
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    if not lines:
        raise RuntimeError(f"python -m {module} ended with {ran.returncode} and printed nothing")
    return lines


def of_intake(arguments: argparse.Namespace) -> Lines:
    """The intake against what else could be, and two streams."""
    options = {"events": 12_000 * arguments.share, "rounds": arguments.rounds}
    (measured,) = output_of("bench", options)
    for lane, tables in measured["rows_differ"].items():
        if tables:
            print(f"CAUTION: {lane} leaves other rows in {', '.join(tables)}.", file=sys.stderr)
    for name, what in INTAKE.items():
        yield Line(what, intake.WANTED[name], measured[name])


def of_size(arguments: argparse.Namespace) -> Lines:
    """The intake in databases that hold much."""
    options = {"pending": arguments.pending, "rounds": arguments.rounds}
    (measured,) = output_of("bench.intake_at_size", options)
    for engine, told in measured.items():
        size = f"{told['customers']:,} customers" if engine == "sqlite" else f"{told['pending']:,} waiting"
        name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[engine]
        for whose in ("new", "known"):
            what = f"{name} intake of {whose} customers at {size} ÷ empty"
            yield Line(what, intake_at_size.WANTED, told[f"{whose}_to_empty"])
        yield Line(f"{name} intake of known customers at {size} ÷ among few", None, told["known_to_few"])


def of_waking(arguments: argparse.Namespace) -> Lines:
    """Waking, tickets and the outbox."""
    few = {"few": 8_000 * arguments.share, "messages": 12_000 * arguments.share, "by-hand": 600, "scores": 1_500}
    (measured,) = output_of("bench.waking", {**few, "pending": arguments.pending, "rounds": arguments.rounds})
    for name, what in WAKING.items():
        if name in measured:
            yield Line(what, waking.NEEDED[name], measured[name])


def of_sending(arguments: argparse.Namespace) -> Lines:
    """Sending."""
    for measured in output_of("bench.sending", {"mails": 2_000 * arguments.share, "rounds": arguments.rounds}):
        for name, what in SENDING.items():
            engine = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[measured["engine"]]
            yield Line(f"{what}, {engine}", sending.NEEDED[name], measured[name])


def of_peers(arguments: argparse.Namespace) -> Lines:
    """Queues that others made, as a reference."""
    (measured,) = output_of("bench.peers", {"jobs": 2_000 * arguments.share, "rounds": arguments.rounds})
    for line in measured["left_out"]:
        print(line, file=sys.stderr)
    for name, ratio in measured["to_loop"].items():
        yield Line(f"claim and complete: {name} ÷ plain SKIP LOCKED loop", None, ratio)


def of_commands(_arguments: argparse.Namespace) -> Lines:
    """What a command takes before it does anything, and the demo's year."""
    with tempfile.TemporaryDirectory(prefix="boucle-start-") as home:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BOUCLE_")}
        environment["BOUCLE_HOME"] = home

        def seconds(*words: str) -> float:
            began = time.perf_counter()
            subprocess.run([*BOUCLE, *words], env=environment, stdout=subprocess.DEVNULL, check=True)
            return time.perf_counter() - began

        year = seconds("demo", "--no-serve")
        starts = [seconds("clock", "show") for _ in range(STARTS)]
    yield Line("`boucle clock show`", START_SECONDS, round(statistics.median(starts), 2), " s", least=False)
    yield Line("the demo's year", DEMO_SECONDS, round(year, 1), " s", least=False)


BENCHES: dict[str, Callable[[argparse.Namespace], Lines]] = {
    "commands": of_commands,
    "intake": of_intake,
    "size": of_size,
    "waking": of_waking,
    "sending": of_sending,
    "peers": of_peers,
}


def as_text(lines: list[Line]) -> str:
    """Return the table for a terminal."""
    width = max(len(line.what) for line in lines)
    rows = [f"{'':{width}}{'wanted':>10}{'measured':>11}"]
    marks = {True: "", False: "  not reached", None: ""}
    for line in lines:
        bound = "" if line.wanted is None else f"{'≥' if line.least else '≤'} {line.wanted:g}{line.unit}"
        rows.append(f"{line.what:{width}}{bound:>10}{f'{line.measured:g}{line.unit}':>11}{marks[line.reached]}")
    return "\n".join(rows)


def main() -> int:
    """Run the benches, print the table, and fail where a bench could not be run."""
    parser = argparse.ArgumentParser(prog="python -m bench.table", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="rounds of every lane; medians count")
    parser.add_argument("--share", type=int, default=1, help="how many times as many events, mails and jobs")
    parser.add_argument("--pending", type=int, default=0, help="touchpoints that wait in the lanes with many; 0: none")
    parser.add_argument("--only", default="", help=f"comma-separated, of {', '.join(BENCHES)}")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",") if arguments.only else list(BENCHES)
    if unknown := [name for name in chosen if name not in BENCHES]:
        parser.error(f"there is no bench {', '.join(unknown)}: choose of {', '.join(BENCHES)}")
    lines: list[Line] = []
    failed = False
    for name in chosen:
        began = time.monotonic()
        try:
            lines += BENCHES[name](arguments)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            print(f"{name} was not measured: {error}", file=sys.stderr)
            failed = True
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    if arguments.format == "json":
        print(json.dumps([{**asdict(line), "reached": line.reached} for line in lines]))
    elif lines:
        print(as_text(lines))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
