"""How long a check, a backtest and a mail take at the sizes that are promised, and how much memory a large check needs.

    python bench/sizes.py

Method: tables of random disjoint boxes over 6 columns with two boxes left out and some widened into others, checked in
a process of their own; 100,000 random past responses through the shipped follow-up table and one that moves the bands;
200 survey mails. Best of three. Caveats: one thread; other work on the machine makes every figure worse.
"""

import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parent.parent
for place in (ROOT, ROOT / "tests" / "decision_table"):
    sys.path.insert(0, str(place))

from tableparts import FOLLOW_UP, big_table, edited  # noqa: E402  # the tests' own tables

from workers.decision_table import check, compile_table, load  # noqa: E402
from workers.decision_table.trials.backtest import PastResponse, backtest  # noqa: E402

ROUNDS = 3
MOVED = ((";0-6;", ";0-7;"), (";7-8;", ";8;"), (";7-10;", ";8-10;"))


def best(work: Callable[[], object]) -> float:
    """Return the seconds of the fastest of some rounds."""
    found = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return min(found)


def checked(rules: int) -> None:
    """Check a table of so many rules, and print seconds and megabytes as JSON."""
    table = big_table(rules, widened=0.05, dropped=2)
    begun = time.perf_counter()
    found = check(table)
    seconds = time.perf_counter() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"seconds": round(seconds, 3), "megabytes": memory, "faults": len(found)}))


def past_responses(count: int) -> list[PastResponse]:
    """Return random past responses with the inputs of the follow-up table."""
    draw = random.Random(7)
    start = datetime(2026, 3, 2, 10, tzinfo=UTC)
    return [
        PastResponse(
            f"r{number}",
            "c",
            start + timedelta(days=number % 365),
            {
                "trigger": draw.choice(["delivery", "purchase", "wave", "recovery"]),
                "after": timedelta(days=draw.randrange(90)),
                "score": draw.randrange(11),
                "comment": draw.choice(["yes", "no"]),
                "wants_contact": "no",
            },
        )
        for number in range(count)
    ]


def main() -> None:
    """Measure and print, one line a size."""
    for rules, needed in ((60, 1), (1_500, 60)):
        done = subprocess.run(
            [sys.executable, __file__, "check", str(rules)], capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout)
        print(
            f"check {rules} rules x 6 columns: {found['seconds']} s, {found['megabytes']} MB, "
            f"{found['faults']} faults (needed: under {needed} s, 1,024 MB)"
        )
    past = past_responses(100_000)
    old, new = compile_table(load(FOLLOW_UP)), compile_table(edited(FOLLOW_UP, *MOVED))
    print(f"backtest 100,000 responses: {best(lambda: backtest(old, new, past)):.2f} s (needed: under 5 s)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["check"]:
        checked(int(sys.argv[2]))
    else:
        main()
