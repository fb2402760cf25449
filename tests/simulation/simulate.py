"""`make simulate`: many simulated runs, each told by its seed; a failure is made smaller and says how to see it again.

    --seeds N      how many runs (500)
    --from N       the first seed (1)
    --faults A,B   only these faults, instead of those that each seed draws
    --only 0,2     only these messages of the story
    --sabotage X   with a fault planted into the product: a name, or all, each on its seed

Prints one line of JSON; exit 1 where a rule was broken, or a planted fault was not found.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from simulatedparts import FAULTS, Outlet
from simulatedstory import Plot
from simulation import Run, Simulation, Unrest
from simulationrules import Rows, broken_rules, is_comparable
from simulationsabotage import SABOTAGES

SABOTAGE_SEEDS = {
    "acknowledge-what-was-not-taken": 51,
    "forget-an-answer": 63,
    "commit-early": 85,
    "skip-a-row": 20,
    "send-twice": 20,
    "ignore-leases": 20,
    "hand-over-after-the-lease": 109,
    "swallow-a-refusal": 143,
    "delete-messages-unpublished": 53,
    "ask-in-the-rest-period": 60,
    "explain-what-is-not-so": 20,
}
"""The seed from which on each planted fault is found."""
NEXT_SEEDS = 100
"""How many are tried at most: when the product takes another number of steps, the same seed meets other moments."""


@dataclass(slots=True)
class Tally:
    """What some runs came to."""

    runs: int = 0
    steps: int = 0
    mails: int = 0
    second_copies: int = 0
    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    failed: list[int] = field(default_factory=list)

    def as_dict(self, seconds: float) -> dict[str, object]:
        """Return it as it is printed."""
        kinds = {name: self.faults[name] for name in FAULTS}
        counts: dict[str, object] = {"runs": self.runs, "steps": self.steps, "mails": self.mails}
        counts |= {"second_copies": self.second_copies, "kills": self.kills, "faults": sum(kinds.values())}
        return counts | {"by_kind": kinds, "failed": self.failed, "seconds": round(seconds, 1)}


class Twin(NamedTuple):
    """What a story leaves without faults, rows and messages, and where its clock stopped."""

    rows: Rows
    published: frozenset[str]
    stops: tuple[datetime, ...]


class Twins:
    """The same stories without faults; each is told once for all its runs."""

    def __init__(self) -> None:
        self._known: tuple[object, Twin] | None = None

    def of(self, run: Run) -> Twin | None:
        """Return the twin of a run's story; None where time goes on meanwhile."""
        if not run.clock_waits:
            return None
        if self._known is None or self._known[0] != (run.story, run.kept):
            world = Simulation(run.twin())
            try:
                world.play()
                published = frozenset(map(Outlet.id_of, world.broker.published))
                self._known = (run.story, run.kept), Twin(world.rows(), published, tuple(world.stops))
            finally:
                world.close()
        return self._known[1]


TWINS = Twins()


def faults_of(run: Run, twins: Twins, tally: Tally | None = None) -> list[str]:
    """Play one run and return the rules that it broke."""
    try:
        twin = twins.of(run)
    except Exception as error:
        return [f"the twin without faults ended: {error!r}"]
    world = Simulation(run)
    try:
        world.play(twin.stops if twin else None)
        faults = broken_rules(world, *(twin[:2] if twin and is_comparable(world) else (None, None)))
    except Unrest as error:
        faults = [f"rest: {error}"]
    except Exception as error:
        faults = [f"a role ended: {error!r}"]
    finally:
        world.close()
    if tally is not None:
        tally.runs += 1
        tally.steps += world.scheduler.steps
        tally.mails += len(world.mails.taken)
        tally.second_copies += len(world.mails.taken) - len({mail.message_id for mail in world.mails.taken})
        tally.kills += world.truth.kills
        tally.faults.update(fault for _, fault, _ in world.trouble.came)
    return faults


def smaller(run: Run) -> Iterator[Run]:
    """Give runs with one kind of fault, or one message, less."""
    for fault in sorted(run.faults):
        if len(run.faults) > 1:
            yield replace(run, faults=run.faults - {fault})
    kept = run.kept if run.kept is not None else frozenset(range(len(Plot.of(run.story).messages)))
    for place in sorted(kept):
        if len(kept) > 1:
            yield replace(run, kept=kept - {place})


def shrunk(run: Run, rule: str, tries: int = 60) -> Run:
    """Return a smaller run that breaks the same rule."""
    for _ in range(tries):
        for candidate in smaller(run):
            if any(what.startswith(rule) for what in faults_of(candidate, Twins())):
                run = candidate
                break
        else:
            return run
    return run


def replay(run: Run, sabotage: str = "") -> str:
    """Return the command that shows a run again."""
    arguments = [f"--from {run.seed} --seeds 1"]
    if run.faults != Run.of(run.seed).faults:
        arguments.append(f"--faults {','.join(sorted(run.faults))}")
    if run.kept is not None:
        arguments.append(f"--only {','.join(map(str, sorted(run.kept)))}")
    if sabotage:
        arguments.append(f"--sabotage {sabotage}")
    return f'make simulate ARGS="{" ".join(arguments)}"'


def report(run: Run, faults: list[str], sabotage: str = "") -> str:
    """Return a failure for a person: what broke, how to see it again, and the smallest run that shows it."""
    lines = [f"seed {run.seed} breaks {len(faults)} rules:", *(f"  {what}" for what in faults[:8])]
    lines.append(f"again:   {replay(run, sabotage)}")
    small = shrunk(run, faults[0].partition(":")[0])
    if small != run:
        lines.append(f"smaller: {replay(small, sabotage)}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="make simulate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--faults", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("--sabotage", default="", choices=["", "all", *SABOTAGES])
    given = parser.parse_args(arguments)
    if given.sabotage == "all":
        caught = [name for name, seed in SABOTAGE_SEEDS.items() if catches(name, seed)]
        print(json.dumps({"planted": len(SABOTAGES), "caught": len(caught), "names": caught}))
        return 0 if len(caught) == len(SABOTAGES) else 1
    tally, began = Tally(), time.monotonic()
    try:
        for seed in range(given.first, given.first + given.seeds):
            run = Run.of(seed)
            if given.faults:
                run = replace(run, faults=frozenset(given.faults.split(",")))
            if given.only:
                run = replace(run, kept=frozenset(map(int, given.only.split(","))))
            play(run, tally, given.sabotage)
    except KeyboardInterrupt:
        print(f"interrupted after {tally.runs} runs", file=sys.stderr)
    print(json.dumps(tally.as_dict(time.monotonic() - began)))
    return 1 if tally.failed else 0


def play(run: Run, tally: Tally, sabotage: str) -> None:
    """Play one run, count it, and say what it broke."""
    with SABOTAGES[sabotage]() if sabotage else nullcontext():
        if faults := faults_of(run, TWINS, tally):
            tally.failed.append(run.seed)
            print(report(run, faults, sabotage), file=sys.stderr, flush=True)


def catches(name: str, seed: int) -> bool:
    """Tell whether a run finds a planted fault that breaks no rule without it: that of a seed, or of the next ones."""
    for candidate in range(seed, seed + NEXT_SEEDS):
        run, twins = Run.of(candidate), Twins()
        twins.of(run)  # the twin is the sound product's
        with SABOTAGES[name]():
            faults = faults_of(run, twins)
        if faults:
            return not faults_of(run, twins)
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
