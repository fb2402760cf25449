"""`python -m bench`: one run, one table: the intake against a loop written by hand and against Faust alone."""

import argparse
import json

from bench import intake

NEEDED = {"ours_to_hand": 5.0, "ours_to_faust": 0.6}


def main() -> int:
    """Measure, print, and fail where a ratio is below what is needed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000, help="events for each lane (the loop by hand: an eighth)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of our lane and of Faust; medians count")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    found = intake.run(arguments.events, arguments.rounds)
    print(json.dumps(found) if arguments.format == "json" else as_text(found))
    return 0 if all(float(str(found[name])) >= least for name, least in NEEDED.items()) else 1


def as_text(found: dict[str, object]) -> str:
    """Return the result for a terminal."""
    rates, cpu = found["events_per_second"], found["cpu_us_per_event"]
    assert isinstance(rates, dict)
    assert isinstance(cpu, dict)
    names = {
        "hand": "loop by hand (one event, one transaction)",
        "faust": "Faust, only noack_take",
        "ours": "our intake, to the committed plan",
    }
    lines = [f"{names[lane]:45} {rates[lane]:>8} events/s  {cpu[lane]:>8} us of processor an event" for lane in names]
    lines += [
        f"ours to the loop by hand: {found['ours_to_hand']} (needed: {NEEDED['ours_to_hand']})",
        f"ours to Faust alone:      {found['ours_to_faust']} (needed: {NEEDED['ours_to_faust']})",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
