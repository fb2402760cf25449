"""Short ways to make tables in tests: CSV tables from rows, DMN files from clauses and rules."""

import random
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from workers.decision_table import Fault, Table, check, parse

HOME = Path(__file__).resolve().parents[2]
FOLLOW_UP, PLAN = HOME / "rules" / "follow-up", HOME / "rules" / "journey-plan"
SCORE = "inputs:\n  score: integer 0..10\noutputs:\n  then: text\n"
DMN_13 = "https://www.omg.org/spec/DMN/20191111/MODEL/"


def table(rows: str, yaml: str = SCORE, head: str = "name: t\n") -> Table:
    """Return a table from CSV text and the columns of table.yaml."""
    return parse({"table.yaml": (head + yaml).encode(), "rules.csv": rows.encode()})


def codes(faults: Sequence[Fault]) -> list[str]:
    """Return the codes of faults, in order."""
    return [fault.code for fault in faults]


def edited(folder: Path, *changes: tuple[str, str]) -> Table:
    """Return a shipped table with texts of its rules.csv replaced."""
    text = (folder / "rules.csv").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse({"table.yaml": (folder / "table.yaml").read_bytes(), "rules.csv": text.encode()})


def checked(folder: Path, *changes: tuple[str, str]) -> list[Fault]:
    """Return the faults of a shipped table with texts of its rules.csv replaced."""
    return check(edited(folder, *changes))


def dmn(
    inputs: Sequence[tuple[str, str, str]],
    outputs: Sequence[tuple[str, str, str, str]],
    rules: Sequence[Sequence[str]],
    policy: str = "UNIQUE",
    *,
    aggregation: str = "",
    namespace: str = DMN_13,
    more: str = "",
) -> bytes:
    """Return a DMN file: inputs are (name, type, allowed), outputs (name, type, values, default), rules texts."""
    clauses = "".join(
        f'<input id="i{n}" label="{name}"><inputExpression typeRef="{kind}"><text>{name}</text></inputExpression>'
        + (f"<inputValues><text>{escape(allowed)}</text></inputValues>" if allowed else "")
        + "</input>"
        for n, (name, kind, allowed) in enumerate(inputs)
    )
    clauses += "".join(
        f'<output id="o{n}" name="{name}" typeRef="{kind}">'
        + (f"<outputValues><text>{escape(values)}</text></outputValues>" if values else "")
        + (f"<defaultOutputEntry><text>{escape(default)}</text></defaultOutputEntry>" if default else "")
        + "</output>"
        for n, (name, kind, values, default) in enumerate(outputs)
    )
    for number, texts in enumerate(rules, start=1):
        entries = "".join(
            f"<{tag}><text>{escape(text)}</text></{tag}>"
            for place, text in enumerate(texts)
            for tag in ["inputEntry" if place < len(inputs) else "outputEntry"]
        )
        clauses += f'<rule id="r{number}">{entries}</rule>'
    way = f' aggregation="{aggregation}"' if aggregation else ""
    return (
        f'<definitions xmlns="{namespace}" id="d" name="d" namespace="urn:d">{more}'
        f'<decision id="dec" name="Decision"><decisionTable hitPolicy="{policy}"{way}>{clauses}</decisionTable>'
        f"</decision></definitions>"
    ).encode()


def big_table(rules: int, *, widened: float = 0.0, dropped: int = 0, columns: int = 6, seed: int = 3) -> Table:
    """Return a table that cuts the space into boxes, some of them widened into others, some left out."""
    draw = random.Random(seed)
    top = 100
    boxes = [[(0, top)] * columns]
    while len(boxes) < rules + dropped:
        place, axis = draw.randrange(len(boxes)), draw.randrange(columns)
        low, high = boxes[place][axis]
        if high - low > 1:
            cut = draw.randrange(low + 1, high)
            first, second = list(boxes[place]), list(boxes[place])
            first[axis], second[axis] = (low, cut), (cut, high)
            boxes[place] = first
            boxes.append(second)
    names = [f"c{number}" for number in range(columns)]
    lines = [";".join(["id", *names, "then"])]
    for number, box in enumerate(boxes[dropped:], start=1):
        ends = [(max(0, low - 3), min(top, high + 3)) if draw.random() < widened else (low, high) for low, high in box]
        lines.append(";".join([f"R{number}", *(f"{low}-{high - 1}" for low, high in ends), f"do-{number}"]))
    yaml = "name: big\ninputs:\n" + "".join(f"  {name}: integer 0..{top - 1}\n" for name in names)
    yaml += "outputs:\n  then: text\n"
    return parse({"table.yaml": yaml.encode(), "rules.csv": "\n".join(lines).encode()})
