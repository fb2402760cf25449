"""The command behind `make chaos`: plays a seeded run, prints one JSON line, and fails when anything differs."""

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from types import MappingProxyType

from chaos_run import AT_MOST_SECONDS, PEOPLE_A_ROUND, Run
from ground import EmbeddedGround, Ground
from real_ground import RealGround
from sabotages import SABOTAGES
from schedule import ROUNDS_A_WAVE, plan
from verdict import Differences

LONG_EVERY = 40
"""One round in so many has a fault that lasts long enough to be told."""
SABOTAGED_ROUNDS, SABOTAGED_SEED, SABOTAGED_SECONDS = 14, 5, 60.0


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is played: its length and seed, what is planted, how often a fault is long, how many rounds a wave."""

    rounds: int
    seed: int
    plant: str = ""
    long_every: int = LONG_EVERY
    a_wave: int = ROUNDS_A_WAVE
    lease_seconds: float = 0.0
    people: int = PEOPLE_A_ROUND
    at_most_seconds: float = AT_MOST_SECONDS
    minutes: float = inf
    talk: bool = False


class SabotagedGround(EmbeddedGround):
    """Embedded, with the faults that a sabotage needs to show itself."""

    WEIGHTS = MappingProxyType({"kill": 3, "stop": 2, "mail_reset": 2, "mail_cut": 2, "mail_killed": 2, "web_cut": 1})
    LONG = ("mail_killed",)


def play(kind: type[Ground], home: Path, options: Options) -> Differences:
    """Play one run in a folder and return what differs, with its figures."""
    ground = kind(home, options.plant, options.lease_seconds)
    try:
        ground.start()
        talk = say if options.talk else lambda _line: None
        run = Run(ground, f"s{options.seed}", options.people, talk, options.at_most_seconds, options.minutes * 60)
        long_faults = kind.LONG if options.long_every else ()
        run.play(plan(options.seed, options.rounds, kind.WEIGHTS, long_faults, options.long_every or 1), options.a_wave)
    finally:
        ground.close()
    return run.differences


def sabotage(name: str, home: Path, *, talk: bool) -> bool:
    """Play a short run with one sabotage planted, and tell whether it was caught; with none, whether it passed."""
    options = Options(
        rounds=SABOTAGED_ROUNDS,
        seed=SABOTAGED_SEED,
        plant=name,
        long_every=SABOTAGED_ROUNDS if name in ("", "hide an outage") else 0,
        lease_seconds=4,
        at_most_seconds=SABOTAGED_SECONDS if name else AT_MOST_SECONDS,
    )
    differences = play(SabotagedGround, home, options)
    if talk:
        say(f"{name or 'nothing planted'}: {differences.text() or 'nothing differs'}")
    return differences.is_good() != bool(name)


def sabotages(names: Sequence[str], home: Path, *, talk: bool) -> int:
    """Plant each sabotage, print which were caught, and return the exit code; with none planted all must be well."""
    if not sabotage("", home / "healthy", talk=talk):
        print("What is not sabotaged differs already; nothing is proved by what follows.", file=sys.stderr)
        return 1
    caught = [name for name in names if sabotage(name, home / name.replace(" ", "-"), talk=talk)]
    print(json.dumps({"planted": len(names), "caught": len(caught), "names": caught}))
    if missed := [name for name in names if name not in caught]:
        print(f"seed {SABOTAGED_SEED}, not caught: {', '.join(missed)}", file=sys.stderr)
    return 0 if len(caught) == len(names) else 1


def say(line: str) -> None:
    """Say how far a run is."""
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the arguments, play, and print."""
    parser = argparse.ArgumentParser(prog="make chaos ARGS=", description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--embedded", action="store_true", help="one process on SQLite (unless --real is given)")
    where.add_argument("--real", action="store_true", help="real Kafka and PostgreSQL, roles apart")
    parser.add_argument("--sabotage", metavar="NAME|all", help=f"plant one of: {', '.join(SABOTAGES)}; or all")
    parser.add_argument("--keep", type=Path, help="keep the run's folder here")
    parser.add_argument("--long-every", type=int, default=LONG_EVERY, help="a fault of 13 s every so many rounds")
    parser.add_argument(
        "--wave", type=int, default=ROUNDS_A_WAVE, help="rounds after which all must be quiet and right"
    )
    parser.add_argument("--minutes", type=float, default=inf, help="begin no wave after so long")
    parser.add_argument("--people", type=int, default=PEOPLE_A_ROUND, help="how many come in each round")
    parser.add_argument("--quiet", action="store_true", help="print the result alone")
    given = parser.parse_args(arguments)
    home = given.keep or Path(tempfile.mkdtemp(prefix="boucle-chaos-"))
    if given.sabotage:
        code = sabotages(names_of(parser, given.sabotage), home, talk=not given.quiet)
    else:
        code = run(RealGround if given.real else EmbeddedGround, home, given)
    if not given.keep and code == 0:
        shutil.rmtree(home, ignore_errors=True)
    return code


def names_of(parser: argparse.ArgumentParser, wanted: str) -> list[str]:
    """Return the sabotages that were asked for."""
    if wanted != "all" and wanted not in SABOTAGES:
        parser.error(f"there is no sabotage {wanted!r}: choose among {', '.join(SABOTAGES)}, or all")
    return list(SABOTAGES) if wanted == "all" else [wanted]


def run(kind: type[Ground], home: Path, given: argparse.Namespace) -> int:
    """Play a run, print its figures, and return the exit code."""
    options = Options(
        given.rounds,
        given.seed,
        long_every=given.long_every,
        a_wave=given.wave,
        people=given.people,
        minutes=given.minutes,
        talk=not given.quiet,
    )
    differences = play(kind, home / "home", options)
    print(json.dumps(differences.figures.as_dict()))
    if differences.is_good():
        return 0
    print(f"seed {given.seed}, what differs:\n{differences.text()}\nlogs: {home}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is stopped
    sys.exit(main())
