"""How fast a table decides: the compiled form against a scan over the rules and against zen-engine, in one run.

    python bench/decide.py [--rules 200] [--rounds 20]

Method: one table of `--rules` rules (trigger, days since, score, segment; complete and disjoint), the same 2,000 random
inputs for every engine, answers compared first, then the best of 20 timed rounds, taken in turn. The scan is what a
competent developer writes by hand: rules parsed once into sets and bounds, tried in turn, left at the first cell that
fails.
zen-engine (pip install zen-engine; optional, no part of Boucle) is timed as its README shows (evaluate on a decision)
and with its content parsed once, which is its fastest way from Python.

Caveats: one thread, warm caches, inputs as Python objects on both sides; zen-engine also converts them to JSON and
back, which is part of calling it from Python. Other people's work on the machine moves the times, hardly the ratios.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from workers.decision_table import Value, compile_table, parse

TRIGGERS = ("purchase", "delivery", "milestone", "wave", "recovery")
SEGMENTS = ("consumer", "small", "large", "public")
FAST = ("boucle", "linear scan")  # timed over all inputs a round; the others over the first hundred
Given = Mapping[str, Value]
Way = Callable[[Given], object]
Box = tuple[frozenset[str], int, int, int, int, frozenset[str]]


def table_of(rules: int, seed: int = 1) -> tuple[bytes, bytes, list[Box]]:
    """Return table.yaml, rules.csv and the rules as plain tuples, made by cutting the space into boxes."""
    draw = random.Random(seed)
    boxes = [(frozenset(TRIGGERS), 0, 100, 0, 11, frozenset(SEGMENTS))]
    while len(boxes) < rules:
        place = draw.randrange(len(boxes))
        parts = _cut(boxes[place], draw)
        if parts:
            boxes[place : place + 1] = parts
    draw.shuffle(boxes)
    lines = ["id;trigger;days;score;segment;then"]
    for number, (triggers, first, last, low, high, segments) in enumerate(boxes):
        cells = (",".join(sorted(triggers)), f"{first}-{last - 1}", f"{low}-{high - 1}", ",".join(sorted(segments)))
        lines.append(";".join([f"R{number}", *cells, f"do-{number}"]))
    yaml = (
        f"name: bench\ninputs:\n  trigger: {{type: text, values: [{', '.join(TRIGGERS)}]}}\n"
        f"  days: integer 0..99\n  score: integer 0..10\n"
        f"  segment: {{type: text, values: [{', '.join(SEGMENTS)}]}}\noutputs:\n  then: text\n"
    )
    return yaml.encode(), "\n".join(lines).encode(), boxes


def _cut(box: Box, draw: random.Random) -> list[Box]:
    triggers, first, last, low, high, segments = box
    axis = draw.randrange(4)
    if axis == 0 and len(triggers) > 1:
        some = frozenset(draw.sample(sorted(triggers), draw.randrange(1, len(triggers))))
        return [(one, first, last, low, high, segments) for one in (some, triggers - some)]
    if axis == 1 and last - first > 1:
        at = draw.randrange(first + 1, last)
        return [(triggers, first, at, low, high, segments), (triggers, at, last, low, high, segments)]
    if axis == 2 and high - low > 1:
        at = draw.randrange(low + 1, high)
        return [(triggers, first, last, low, at, segments), (triggers, first, last, at, high, segments)]
    if axis == 3 and len(segments) > 1:
        some = frozenset(draw.sample(sorted(segments), draw.randrange(1, len(segments))))
        return [(triggers, first, last, low, high, one) for one in (some, segments - some)]
    return []


def scanner(
    boxes: Sequence[Box],
) -> Callable[[Given], str | None]:
    """Return the linear scan."""
    rules = [(*box, f"do-{number}") for number, box in enumerate(boxes)]

    def scan(given: Given) -> str | None:
        trigger, days, score, segment = given["trigger"], given["days"], given["score"], given["segment"]
        for triggers, first, last, low, high, segments, then in rules:
            if trigger in triggers and first <= days < last and low <= score < high and segment in segments:  # type: ignore[operator]  # typed by key
                return then
        return None

    return scan


def zen_deciders(
    boxes: Sequence[Box],
) -> dict[str, Way]:
    """Return zen-engine's ways of deciding the same table, or nothing when it is not installed."""
    try:
        import zen  # type: ignore[import-not-found]  # optional, for this comparison only
    except ImportError:
        return {}
    rules = [
        {
            "_id": f"r{number}",
            "t": ", ".join(f'"{one}"' for one in sorted(triggers)),
            "d": f"[{first}..{last - 1}]",
            "s": f"[{low}..{high - 1}]",
            "g": ", ".join(f'"{one}"' for one in sorted(segments)),
            "o": f'"do-{number}"',
        }
        for number, (triggers, first, last, low, high, segments) in enumerate(boxes)
    ]
    fields = {"t": "trigger", "d": "days", "s": "score", "g": "segment"}
    content = {
        "hitPolicy": "first",
        "inputs": [{"id": key, "name": field, "type": "expression", "field": field} for key, field in fields.items()],
        "outputs": [{"id": "o", "name": "then", "type": "expression", "field": "then"}],
        "rules": rules,
    }
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in", "position": {"x": 0, "y": 0}},
        {"id": "table", "type": "decisionTableNode", "name": "table", "position": {"x": 0, "y": 0}, "content": content},
        {"id": "out", "type": "outputNode", "name": "out", "position": {"x": 0, "y": 0}},
    ]
    edges = [
        {"id": "e1", "sourceId": "in", "targetId": "table", "type": "edge"},
        {"id": "e2", "sourceId": "table", "targetId": "out", "type": "edge"},
    ]
    text = json.dumps({"nodes": nodes, "edges": edges})
    engine = zen.ZenEngine()
    fresh = engine.create_decision(text)
    deciders: dict[str, Way] = {
        "zen-engine, as its README shows": lambda given: fresh.evaluate(dict(given))["result"].get("then")
    }
    compiled_content = getattr(zen, "ZenDecisionContent", None)
    if compiled_content is not None:
        ready = engine.create_decision(compiled_content(text))
        deciders["zen-engine, content parsed once"] = lambda given: ready.evaluate(dict(given))["result"].get("then")
    return deciders


def seconds_each(ways: Mapping[str, Way], inputs: Sequence[Given], rounds: int) -> dict[str, float]:
    """Return the time of one decision in each way: the best of rounds taken in turn, so that noise meets all alike."""
    counts = {name: len(inputs) if name in FAST else 100 for name in ways}
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            some = inputs[: counts[name]]
            begun = time.perf_counter()
            for given in some:
                way(given)
            best[name] = min(best[name], (time.perf_counter() - begun) / len(some))
    return best


def main() -> int:
    """Print times and ratios; exit 1 when a promised ratio is missed."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--rules", type=int, default=200)
    options.add_argument("--rounds", type=int, default=20)
    chosen = options.parse_args()
    yaml, rows, boxes = table_of(chosen.rules)
    compiled = compile_table(parse({"table.yaml": yaml, "rules.csv": rows}))
    draw = random.Random(2)
    inputs: list[Given] = [
        {
            "trigger": draw.choice(TRIGGERS),
            "days": draw.randrange(100),
            "score": draw.randrange(11),
            "segment": draw.choice(SEGMENTS),
        }
        for _ in range(2000)
    ]
    ways: dict[str, Way] = {"boucle": compiled.decide, "linear scan": scanner(boxes), **zen_deciders(boxes)}
    for name, way in ways.items():
        if name != "boucle":
            same = all(way(given) == compiled.decide(given).outputs[0]["then"] for given in inputs[:500])
            assert same, f"{name} answers differently"
    times = seconds_each(ways, inputs, chosen.rounds)
    for name, each in times.items():
        ratio = each / times["boucle"]
        print(f"{name:36} {each * 1e6:9.2f} us   {ratio:8.1f} x the time of boucle")
    zen_times = [each for name, each in times.items() if name.startswith("zen")]
    if not zen_times:
        print("zen-engine is not installed, so it was not compared: pip install zen-engine", file=sys.stderr)
    enough = times["linear scan"] >= 8 * times["boucle"] and all(each >= 50 * times["boucle"] for each in zen_times)
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
