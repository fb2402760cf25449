"""`python -m bench`: the intake against a loop by hand, Faust alone and the least that the same rows cost; two streams.

One run, one table. See README.md for method and caveats.
"""

import argparse
import json

from bench import intake

WANTED = {"ours_to_hand": 10.0, "ours_to_faust": 0.5, "ours_to_floor": 0.65, "two_streams": 1.7}
NAMES = {
    "hand": "loop by hand (one event, one transaction)",
    "faust": "Faust, only noack_take",
    "floor": "floor (getmany, msgspec, COPY, no reading)",
    "ours": "our intake, to the committed plan",
    "one stream": "one stream, told when to begin",
    "two streams": "two streams, sharing the partitions",
}


def main() -> int:
    """Measure, print, and fail where a ratio is below what is wanted."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000, help="events for each lane (the loop by hand: an eighth)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of every lane, in turn; medians count")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    measured = intake.run(arguments.events, arguments.rounds)
    print(json.dumps(measured) if arguments.format == "json" else as_text(measured))
    return 0 if all(float(str(measured[name])) >= least for name, least in WANTED.items()) else 1


def as_text(measured: dict[str, object]) -> str:
    """Return the result for a terminal."""
    rates, cpu, differing = measured["events_per_second"], measured["cpu_us_per_event"], measured["rows_differ"]
    assert isinstance(rates, dict)
    assert isinstance(cpu, dict)
    assert isinstance(differing, dict)
    lines = [
        f"{name:45} {rates[lane]:>8} events/s" + (f"  {cpu[lane]:>8} us of processor an event" if lane in cpu else "")
        for lane, name in NAMES.items()
    ]
    lines += [f"{name.replace('_', ' '):20} {measured[name]} (wanted: {least})" for name, least in WANTED.items()]
    lines += [
        f"CAUTION: {lane} leaves other rows in {', '.join(tables)}." if tables else f"{lane} leaves the same rows"
        for lane, tables in differing.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
