"""A campaign: inputs made from a seed for one door, each measured; the smallest that fails is kept. Holds no test.

FUZZ_SHARE   part of each campaign's full number, 0.05 unless given (`make fuzz` gives 1)
FUZZ_SEED    begins the draw of every input; with it and its number, an input can be made again
FUZZ_KEPT    folder that gets the smallest input of a failure, .boucle/fuzz unless given
"""

import gc
import os
import pprint
import re
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Generic, TypeVar

import pytest
from budget import processor_seconds
from peakmemory import peak_megabytes

T = TypeVar("T")
SHARE = float(os.environ.get("FUZZ_SHARE", "0.05"))
SEED = os.environ.get("FUZZ_SEED", "1")
KEPT = Path(os.environ.get("FUZZ_KEPT", Path(__file__).parents[2] / ".boucle" / "fuzz"))
SECONDS, MEGABYTES = 2.0, 300.0
"""What one input may cost: processor seconds, and memory beyond what the process held before it."""
SHRINKING_SECONDS = 10.0
PAGE_BYTES = resource.getpagesize()


@dataclass(frozen=True, slots=True)
class Cost:
    """What one input took."""

    seconds: float
    megabytes: float

    def fault(self, seconds: float) -> str:
        """Say what is over its budget, or nothing."""
        if self.seconds > seconds:
            return f"it took {self.seconds:.1f} s of {seconds:g}"
        return f"it took {self.megabytes:.0f} MB of {MEGABYTES:g}" if self.megabytes > MEGABYTES else ""


def resident() -> float:
    """Return the megabytes that this process holds now; where the system does not tell, its peak."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return peak_megabytes()
    return pages * PAGE_BYTES / 1_000_000


def cost_of(work: Callable[[], object]) -> Cost:
    """Do a piece of work, and return what it took.

    The collector passes over what was there before: it is the campaign's own, hundreds of megabytes of examples that
    schemathesis keeps, and a look through them cost 2.6 s of whichever request it fell on.
    """
    held, highest = resident(), peak_megabytes()
    seconds, now_highest = processor_seconds(work, time.process_time), peak_megabytes()
    return Cost(seconds, now_highest - held if now_highest > highest else 0.0)


@dataclass
class Campaign(Generic[T]):
    """All inputs of one door. `attempt` fails, by any exception, for an input that the door does not bear.

    `weight` says how many of the full number an input counts for; `smaller` gives simpler inputs to look for the
    smallest that still fails.
    """

    door: str
    full: int
    make: Callable[[Random], T]
    attempt: Callable[[T], object]
    smaller: Callable[[T], Iterator[T]]
    weight: Callable[[T], int] = lambda _: 1
    worst: Cost = field(default=Cost(0.0, 0.0), init=False)
    slowest: int = field(default=0, init=False)
    tried: int = field(default=0, init=False)

    def inputs(self) -> Iterator[tuple[int, T]]:
        """Give the inputs of this run, each with its number."""
        wanted, number = max(1, round(self.full * SHARE)), 0
        while self.tried < wanted:
            made = self.make(Random(f"{SEED}/{self.door}/{number}"))
            yield number, made
            self.tried += self.weight(made)
            number += 1

    def run(self, after: Callable[[int, T], object] = lambda _number, _made: None) -> None:
        """Try every input; `after` is called with the number of each and itself. Tells what they cost."""
        gc.collect()
        begun = time.process_time()
        for number, made in self.inputs():
            if fault := self.fault_of(made):
                self.fail(number, made, fault)
            after(number, made)
        print(
            f"\n{self.door}: {self.tried:,} with seed {SEED} in {time.process_time() - begun:.0f} s; slowest "
            f"{self.worst.seconds:.2f} s (number {self.slowest}), largest {self.worst.megabytes:.0f} MB; "
            f"the process held {peak_megabytes():.0f} MB at most"
        )

    def fault_of(self, made: T) -> str:
        """Return why the door does not bear an input, or nothing."""
        try:
            cost = cost_of(lambda: self.attempt(made))
        except Exception as error:  # whatever it is, it is what we look for
            return f"{type(error).__name__}: {error}"[:4_000]
        if cost.seconds > self.worst.seconds:
            self.slowest = self.tried
        self.worst = Cost(max(cost.seconds, self.worst.seconds), max(cost.megabytes, self.worst.megabytes))
        return cost.fault(SECONDS)

    def fail(self, number: int, made: T, fault: str) -> None:
        """Look for the smallest input that fails, keep it, and fail the test with what makes it again."""
        kind, smallest = kind_of(fault), made
        deadline = time.monotonic() + SHRINKING_SECONDS
        shrinking = True
        while shrinking and time.monotonic() < deadline:
            shrinking = False
            for candidate in self.smaller(smallest):
                if time.monotonic() > deadline:
                    break
                smaller_fault = self.fault_of(candidate)
                if smaller_fault and kind_of(smaller_fault) == kind:
                    smallest, shrinking = candidate, True
                    break
        KEPT.mkdir(parents=True, exist_ok=True)
        path = KEPT / f"{self.door}-{SEED}-{number}"
        if isinstance(smallest, bytes):
            path.write_bytes(smallest)
        else:
            path.write_text(pprint.pformat(smallest, width=120), encoding="utf-8", errors="backslashreplace")
        pytest.fail(f"{self.door}, FUZZ_SEED={SEED}, number {number}: {fault}\nThe smallest input is in {path}.")


def kind_of(fault: str) -> str:
    """Return what two inputs with the same fault have in common: its first words without numbers."""
    return re.sub(r"[0-9]+", "", fault.partition("\n")[0])[:70]


def smaller_bytes(raw: bytes) -> Iterator[bytes]:
    """Give the same bytes without a piece of them, the largest pieces first."""
    size = len(raw) // 2
    while size:
        for start in range(0, len(raw), size):
            yield raw[:start] + raw[start + size :]
        size //= 4 if size > 64 else 2


def smaller_list(several: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    """Give the same list without a piece of it, the largest pieces first."""
    size = len(several) // 2
    while size:
        for start in range(0, len(several), size):
            yield several[:start] + several[start + size :]
        size //= 2
