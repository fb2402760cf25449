"""The waterfall that the demo prints: every line adds up from the one above it."""

from collections.abc import Iterator
from typing import cast

from workers.domain.reporting import Filters
from workers.domain.types import DispatchState
from workers.store.connection import Connection
from workers.store.demo.story import count_kinds
from workers.store.operation.received import received_in_all
from workers.usecases.report import funnel

CHANNELS = ("asked by", "answered by", "at places", "sms", "replies")
"""Lines about how customers are asked and answer: mail, SMS, the shop's site, and the screen by its till."""
NAMES = {
    "events": "received",
    "accepted": "accepted",
    "duplicates": "duplicates",
    "dead_letters": "dead letters",
}
"""What the waterfall calls the counts of what came in."""


def figures(connection: Connection) -> dict[str, dict[str, int]]:
    """Return counts for the waterfall, by name and then by what became of them."""
    asked = funnel.asked(connection, Filters(), whole_period=True)
    ends = {"answered": asked.answered, "clicked only": asked.clicked_only, "silent": asked.silent, "lost": asked.lost}
    not_asked = funnel.not_asked(connection, Filters(), whole_period=True)
    received, kinds = received_in_all(connection), count_kinds(connection)
    return {
        "events": {NAMES[name]: n for name, n in received.items()},
        "touchpoints": kinds["touchpoints"],
        "reasons": {f"{row['state']}: {row['code']}": cast(int, row["n"]) for row in not_asked if row["code"]},
        "asked": {name: n for name, n in sorted(ends.items(), key=lambda end: -end[1]) if n} | kinds["rated"],
        "bands": kinds["bands"],
        "tickets": kinds["tickets"],
        **{name: kinds[name] for name in ("mails", *CHANNELS)},
    }


def waterfall(counts: dict[str, dict[str, int]]) -> Iterator[str]:
    """Give the lines from events to closed loops, each a total and its parts."""
    events = counts["events"]
    yield line("events", events["received"], {name: n for name, n in events.items() if name != "received"})
    yield line("touchpoints", sum(counts["touchpoints"].values()), counts["touchpoints"])
    for reason, count in counts["reasons"].items():
        yield f"  {'':12} {count:>7}  {reason.replace('_', ' ')}"
    yield line("asked", sum(counts["asked"].values()), counts["asked"])
    yield line("answered", sum(counts["bands"].values()), counts["bands"])
    yield line("tickets", sum(counts["tickets"].values()), counts["tickets"])
    mails = {name: count for name, count in counts["mails"].items() if name != DispatchState.READY}
    yield line("mails", sum(mails.values()), mails)
    for name in CHANNELS:
        if counts[name]:
            yield line(name, sum(counts[name].values()), counts[name])


def line(name: str, total: int, parts: dict[str, int]) -> str:
    return f"  {name:12} {total:>7} = " + " + ".join(
        f"{count} {part.replace('_', ' ')}" for part, count in parts.items()
    )
