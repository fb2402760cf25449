"""Faults seeded into the checker are caught: each mutant fails the property tests or those of the checks.

The engine and its tests are copied, one line is changed, and the tests run on the copy in a process of their own.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tableparts import HOME

# The quick ones first: a mutant is caught when any test fails.
TESTS = ("test_table_checks.py", "test_hit_policies.py", "test_table_reading.py", "test_table_properties.py")
# Finding a counterexample is enough; making it small would take most of the time.
PROFILE = """from hypothesis import Phase, settings
settings.register_profile("quick", phases=[Phase.generate], database=None)
settings.load_profile("quick")
"""
MUTANTS = {
    "an open end of whole numbers is taken as closed": (
        "model/spans.py",
        "return (cut[0] + 1, 0) if cut is not None and cut[1] else cut",
        "return (cut[0], 0) if cut is not None and cut[1] else cut",
    ),
    "the unknown value passes every cell": (
        "model/grid.py",
        "return sum(1 << number for number, cell in enumerate(cells) if cell.unknown)",
        "return sum(1 << number for number, cell in enumerate(cells))",
    ),
    "other values pass no cell": (
        "model/grid.py",
        "sum(1 << number for number, cell in enumerate(cells) if cell.inverted)",
        "sum(1 << number for number, cell in enumerate(cells) if False)",
    ),
    "a gap grows over rules on its first axis": (
        "checks/gaps.py",
        "blocked = grid.touched(grown, but=axis)",
        "blocked = grid.touched(grown, but=axis) if axis else 0",
    ),
    "a gap is not grown": ("checks/gaps.py", "gaps.append(grow(grid, piece))", "gaps.append(piece)"),
    "the search stops at the first rule that meets a piece": (
        "checks/gaps.py",
        "        outside = mine & ~theirs\n        if outside:\n            yield from",
        "        outside = mine & ~theirs\n        if outside and not axis:\n            yield from",
    ),
    "an overlap needs one column only": (
        "checks/overlaps.py",
        "meeting &= memo[axis][mask]",
        "meeting = memo[axis][mask] if axis == 0 else meeting",
    ),
    "overlaps with the last rule are left out": (
        "checks/overlaps.py",
        "for second in bits(others >> (first + 1)):",
        "for second in bits((others >> (first + 1)) & ((1 << (len(grid.rules) - first - 2)) - 1) if first < len(grid.rules) - 1 else 0):",  # noqa: E501
    ),
    "a rule counts as masked when one above it overlaps": (
        "checks/overlap_faults.py",
        "if before and covered_by(grid, number, before):",
        "if before:",
    ),
    "half-open bands take their upper end": (
        "model/cells.py",
        "_band(*halves, column, item, (True, not column.half_open))",
        "_band(*halves, column, item, (True, True))",
    ),
    "a band is read without its brackets": (
        "model/cells.py",
        'open_low, open_high = match[1] in "(]", match[4] in ")["',
        "open_low, open_high = False, False",
    ),
    "responses are counted anywhere": (
        "checks/checker.py",
        "if all(mask >> number & 1 for mask, number in zip(box, point, strict=True))",
        "if any(mask >> number & 1 for mask, number in zip(box, point, strict=True))",
    ),
    "review gating looks at one row at a time": (
        "checks/review_gating.py",
        "boxes = [grid.masks[number] for number in rules]",
        "boxes = []",
    ),
    "equal outcomes are errors": (
        "checks/overlap_faults.py",
        "equal = outcome_of(table, first) == outcome_of(table, second)",
        "equal = False",
    ),
}


@pytest.mark.parametrize("what", MUTANTS)
def test_a_seeded_fault_is_caught(what: str, tmp_path: Path) -> None:
    """With this fault in the checker, the tests of the checker fail."""
    module, old, new = MUTANTS[what]
    shutil.copytree(HOME / "workers" / "decision_table", tmp_path / "workers" / "decision_table")
    for name in ("calendar", "text"):
        shutil.copytree(HOME / "workers" / name, tmp_path / "workers" / name)
    for name in ("__init__.py", "errors.py"):
        shutil.copy(HOME / "workers" / name, tmp_path / "workers" / name)
    shutil.copytree(HOME / "rules", tmp_path / "rules")
    shutil.copytree(HOME / "tests" / "decision_table", tmp_path / "tests" / "decision_table")
    (tmp_path / "tests" / "conftest.py").write_text(PROFILE, "utf-8")
    source = tmp_path / "workers" / "decision_table" / module
    text = source.read_text("utf-8")
    assert text.count(old) == 1, f"{module} no longer holds the line that this fault changes"
    source.write_text(text.replace(old, new), "utf-8")
    assert _tests_fail(tmp_path)


def _tests_fail(folder: Path) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-W", "error"]
    command += ["--rootdir", str(folder), *(str(folder / "tests" / "decision_table" / name) for name in TESTS)]
    environment = {**os.environ, "PYTHONPATH": str(folder), "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "examples")}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 1
