"""The shape of the core: it takes the case and what it is about, collects changes in one place, and reaches nothing."""

import ast
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

import pytest
from eventparts import Person, score_told
from sqlalchemy.engine import Connection, Engine

from workers.domain.compiled_tables.follow_up import FollowUpTable
from workers.store.engine import Store

DOMAIN = Path(__file__).parents[2] / "workers" / "domain"
WORKERS = DOMAIN.parent
MOST_PARAMETERS, MOST_OF_NINE_IN_TEN = 5, 4
CORE_BESIDE_IT = ("decision_table", "cloudevents", "calendar", "text")
THE_CASE = DOMAIN / "customer_case.py"


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Give each function of a module with the number of its parameters, without `self`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            yield f"{path.name}:{node.name}", len(names) - (names[:1] in (["self"], ["cls"]))


def test_a_core_function_takes_the_case_and_what_it_is_about() -> None:
    """Nobody drags facts, policy, moment, allocator and changes along: the case has them."""
    counted = [function for path in DOMAIN.rglob("*.py") for function in functions(path)]
    assert len(counted) > 400
    beside = [
        function
        for folder in CORE_BESIDE_IT
        for path in (WORKERS / folder).rglob("*.py")
        for function in functions(path)
    ]
    assert [name for name, count in counted + beside if count > MOST_PARAMETERS] == []
    assert sorted(count for _, count in counted)[len(counted) * 9 // 10] <= MOST_OF_NINE_IN_TEN


KEYED_HASHES = ("self._inner", "self._outer", "self._signing[purpose]", "_return_path_signing(key)")
"""Hashes that a secret was worked into once, and that are copied for each text."""


def test_changes_are_collected_in_one_place() -> None:
    """No change set is made, copied or merged in the core but by the case, so no decision can miss what another did."""
    made, merged = [], []
    for path in DOMAIN.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if path == THE_CASE or not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name) and node.func.id in ("ChangeSet", "UnitOfWork"):
                made.append(path.relative_to(DOMAIN).as_posix())
            if isinstance(node.func, ast.Attribute) and node.func.attr in ("merge", "absorb", "copy"):
                if ast.unparse(node.func.value) in KEYED_HASHES:
                    continue
                merged.append(f"{path.relative_to(DOMAIN)}:{node.lineno}")
    assert made == ["explain/view.py"], "explain looks at a customer as the core would, and throws the case away"
    assert merged == []


def reached(start: object) -> Iterator[object]:
    """Give everything that an object can reach through its attributes, items and closures, modules left out."""
    waiting, seen = deque([start]), set()
    while waiting:
        each = waiting.popleft()
        if id(each) in seen or isinstance(each, type | str | bytes | int | float | None):
            continue
        seen.add(id(each))
        yield each
        waiting.extend(inside(each))


def inside(each: Any) -> Iterator[object]:
    """Give what an object holds itself."""
    if isinstance(each, FunctionType):
        yield from (cell.cell_contents for cell in each.__closure__ or ())
        yield from each.__defaults__ or ()
    elif isinstance(each, MethodType):
        yield each.__self__
    elif isinstance(each, dict):
        yield from (*each.keys(), *each.values())
    elif isinstance(each, tuple | list | set | frozenset | deque):
        yield from each
    else:
        slots = {name for kind in type(each).__mro__ for name in getattr(kind, "__slots__", ())}
        yield from (getattr(each, name) for name in slots if hasattr(each, name))
        yield from getattr(each, "__dict__", {}).values()


def test_nothing_that_the_core_is_given_reaches_a_connection() -> None:
    """Not through a closure either: what a decision needs of the store is fetched before, or missed by name."""
    person = Person()
    person.hear(score_told(2))
    every = list(reached(person.case))
    assert any(isinstance(thing, FollowUpTable) for thing in every), "the policy is among what is reached"
    assert [thing for thing in every if isinstance(thing, Connection | Engine | Store)] == []


def test_the_walk_finds_a_connection_that_hides_in_a_closure() -> None:
    """The test above would see what this release took out of the core."""
    hidden = object.__new__(Store)

    class Numbers:
        __slots__ = ("next",)

    numbers = Numbers()
    numbers.next = lambda: hidden  # type: ignore[attr-defined]  # a slot
    assert hidden in list(reached({"allocator": [numbers]}))


@pytest.mark.parametrize("folder", ["usecases", "store", "web", "cli"])
def test_nobody_above_merges_change_sets_either(folder: str) -> None:
    """A use case gives its cases one unit of work, and the store writes what that hands over."""
    for path in (WORKERS / folder).rglob("*.py"):
        text = path.read_text()
        assert "changes.merge(" not in text, path
        assert ".absorb(" not in text, path
