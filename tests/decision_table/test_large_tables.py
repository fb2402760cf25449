"""Large tables: what a check may need of memory, and that the compiled form decides alike; bench/ has the times."""

import random
import subprocess
import sys

import pytest
from tableparts import HOME, big_table

from workers.decision_table import compile_table
from workers.decision_table.model.table import Rule

_IN_A_PROCESS = """
import sys
sys.path[:0] = {tests!r}
from peakmemory import peak_megabytes
from tableparts import big_table
from workers.decision_table import check
found = check(big_table({rules}, widened={widened}, dropped=2))
assert any(fault.code == "E101" for fault in found)
print(int(peak_megabytes()))
"""


@pytest.mark.parametrize("widened", [0.0, 0.05])
def test_fifteen_hundred_rules_stay_within_a_gigabyte(widened: float) -> None:
    """A table of 1,500 rules and 6 columns is read and checked within 1 GB."""
    code = _IN_A_PROCESS.format(
        tests=[str(HOME / "tests"), str(HOME / "tests" / "decision_table")], rules=1500, widened=widened
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HOME)
    assert int(done.stdout) < 1024


def test_the_compiled_form_decides_as_trying_the_rules_in_turn() -> None:
    """On a table of 200 rules the compiled decision is the one that a scan finds; bench/decide.py times both."""
    compiled = compile_table(big_table(200, columns=4))
    draw = random.Random(1)
    for _ in range(300):
        given = {f"c{axis}": draw.randrange(100) for axis in range(4)}
        fits = [
            rule
            for rule in compiled.table.rules
            if all(low <= given[name] < high for name, low, high in bounds_of(rule))
        ]
        assert list(compiled.decide(given).rules) == fits


def bounds_of(rule: Rule) -> list[tuple[str, int, int]]:
    """Return the half-open bounds of a rule, column by column."""
    spans = [cell.spans[0] for cell in rule.cells]
    return [
        (f"c{axis}", int(span.low[0]), int(span.high[0])) for axis, span in enumerate(spans) if span.low and span.high
    ]
