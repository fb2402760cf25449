"""Docstrings: what a public function raises by itself stands in the docstring of that function.

The rule: a `raise` that can leave the function, of a class that is named there or by the handler that raises it again.
The docstring holds the name of that class or of a parent of it (of one of them, where a handler that catches several
raises again what it caught); for an HTTPException its status (404) will do.
Left out are click's verbs, whose docstring is the help text that users read, and the revisions of the database.
"""

import ast
import builtins
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

WORKERS = Path(__file__).parents[1] / "workers"
EVERYTHING = {"object", "BaseException", "Exception"}
"""Parents that say nothing of what went wrong."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
TRIES = (ast.Try, ast.TryStar)


def sources() -> Iterator[tuple[Path, ast.Module]]:
    """Give every module of workers, read."""
    for path in sorted(WORKERS.rglob("*.py")):
        if "versions" not in path.parts:
            yield path, ast.parse(path.read_text())


def last_name(expression: ast.expr | None) -> str:
    """Return `C` of `C`, `a.C` and `a.C(...)`; empty for anything else."""
    if isinstance(expression, ast.Call):
        expression = expression.func
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""


@cache
def parents_in_workers() -> dict[str, set[str]]:
    """Return the parents that each class of workers names."""
    classes = (node for _, tree in sources() for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return {node.name: {last_name(base) for base in node.bases} for node in classes}


@cache
def line_of(name: str) -> frozenset[str]:
    """Return a class's name with those of all its parents."""
    builtin = getattr(builtins, name, None)
    if isinstance(builtin, type):
        return frozenset(parent.__name__ for parent in builtin.__mro__)
    return frozenset({name}).union(*(line_of(parent) for parent in parents_in_workers().get(name, ())))


def classes_caught(handlers: Iterable[ast.ExceptHandler]) -> set[str]:
    """Return the names of the classes that handlers catch."""
    types = [handler.type for handler in handlers]
    return {
        last_name(part) if part else "BaseException"
        for caught in types
        for part in (caught.elts if isinstance(caught, ast.Tuple) else [caught])
    }


def classes_suppressed(node: ast.With) -> set[str]:
    """Return the names of the classes that `with suppress(...)` lets go."""
    calls = (item.context_expr for item in node.items)
    return {
        last_name(part)
        for call in calls
        if isinstance(call, ast.Call) and last_name(call) == "suppress"
        for part in call.args
    }


def status_of(raised: ast.expr) -> str:
    """Return the status of `HTTPException(404)`; empty for another class, or a status that is worked out."""
    if isinstance(raised, ast.Call) and last_name(raised) == "HTTPException" and raised.args:
        status = raised.args[0]
        return str(status.value) if isinstance(status, ast.Constant) else ""
    return ""


class Raises:
    """The raises of one function that can leave it, each as the names that say it and an HTTP status or nothing."""

    def __init__(self, function: Function) -> None:
        self.leaving: set[tuple[frozenset[str], str]] = set()
        self.read(function.body, frozenset(), frozenset())

    def read(self, nodes: Iterable[ast.AST], caught: frozenset[str], handled: frozenset[str]) -> None:
        """Read what is inside handlers of `caught`, and inside of a handler that has `handled` at hand."""
        for node in nodes:
            if isinstance(node, SCOPES):
                continue
            if isinstance(node, TRIES):
                self.read(node.body, caught | classes_caught(node.handlers), handled)
                for handler in node.handlers:
                    self.read(handler.body, caught, frozenset(classes_caught([handler])))
                self.read([*node.orelse, *node.finalbody], caught, handled)
                continue
            if isinstance(node, ast.Raise):
                self.note(node.exc, caught, handled)
            inside = caught | classes_suppressed(node) if isinstance(node, ast.With) else caught
            self.read(ast.iter_child_nodes(node), inside, handled)

    def note(self, raised: ast.expr | None, caught: frozenset[str], handled: frozenset[str]) -> None:
        """Keep a raise of a class, unless a handler around it catches that class."""
        names = handled - EVERYTHING if raised is None else {last_name(raised)}
        leaving = frozenset(name for name in names if name[:1].isupper() and not line_of(name) & caught)
        if leaving:
            self.leaving.add((leaving, status_of(raised) if raised else ""))


def is_verb(function: Function) -> bool:
    """Tell whether click makes a verb or a group of verbs of a function."""
    return any(last_name(decorator) in ("command", "group") for decorator in function.decorator_list)


def public_functions(body: Iterable[ast.stmt], within: str = "") -> Iterator[tuple[str, Function]]:
    """Give the public functions of a module and the public methods of its public classes, by name."""
    for node in body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        if isinstance(node, ast.ClassDef):
            yield from public_functions(node.body, f"{within}{node.name}.")
        elif not is_verb(node):
            yield within + node.name, node


def unsaid(function: Function) -> list[str]:
    """Return what a function raises and its docstring does not say."""
    said = set(re.findall(r"\w+", ast.get_docstring(function) or ""))
    missing = [
        f"{' or '.join(sorted(names))} {status}".strip()
        for names, status in Raises(function).leaving
        if status not in said and not said & frozenset().union(*map(line_of, names)) - EVERYTHING
    ]
    return sorted(missing)


def test_a_public_function_says_in_its_docstring_what_it_raises() -> None:
    """Whoever calls it knows from its docstring alone which exceptions to expect of it."""
    silent = [
        f"{path.relative_to(WORKERS.parent)}:{function.lineno} {name}: {', '.join(missing)}"
        for path, tree in sources()
        for name, function in public_functions(tree.body)
        if (missing := unsaid(function))
    ]
    assert not silent, "Say in the docstring when it raises what:\n" + "\n".join(silent)


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ("raise BadInput('no')", ["BadInput"]),
        ("'''Raises BadInput without a name.'''\n raise errors.BadInput", []),
        ("'''Raises OSError.'''\n raise IsADirectoryError", []),
        ("'''Raises an Exception.'''\n raise ValueError", ["ValueError"]),
        ("'''Return it; 404 where there is none.'''\n raise HTTPException(404)", []),
        ("'''Return it; 404 where there is none.'''\n raise HTTPException(403)", ["HTTPException 403"]),
        ("try:\n  raise IsADirectoryError\n except OSError:\n  pass", []),
        ("try:\n  pass\n except OSError as error:\n  raise NotNow from error", ["NotNow"]),
        ("try:\n  pass\n except OSError:\n  raise", ["OSError"]),
        ("try:\n  pass\n except (Away, Taken):\n  raise", ["Away or Taken"]),
        ("'''Raises Away.'''\n try:\n  pass\n except (Away, Taken):\n  raise", []),
        ("try:\n  raise KeyError\n except KeyError:\n  raise", ["KeyError"]),
        ("with suppress(OSError):\n  raise IsADirectoryError", []),
        ("def inner():\n  raise ValueError", []),
    ],
)
def test_the_rule_sees_what_leaves_a_function(body: str, missing: list[str]) -> None:
    """A raise counts unless it is caught inside, suppressed or another function's."""
    ((_, function),) = public_functions(ast.parse(f"def act():\n {body}").body)
    assert unsaid(function) == missing
