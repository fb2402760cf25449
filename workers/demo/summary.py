"""The waterfall that the demo prints: every line adds up from the one above it."""

from collections.abc import Iterator
from typing import cast

import sqlalchemy as sa

from workers.domain.reporting import Filters
from workers.domain.types import DispatchState
from workers.store import tables
from workers.store.connection import Connection
from workers.usecases.report import funnel


def figures(connection: Connection) -> dict[str, dict[str, int]]:
    """Return counts for the waterfall, by name and then by what became of them."""
    ticket, received = tables.ticket, tables.received
    asked = funnel.asked(connection, Filters(), whole_period=True)
    ends = {"answered": asked.answered, "clicked only": asked.clicked_only, "silent": asked.silent, "lost": asked.lost}
    not_asked = funnel.not_asked(connection, Filters(), whole_period=True)
    sums = connection.execute(
        sa.select(*(sa.func.sum(received.c[name]) for name in ("events", "accepted", "duplicates", "dead_letters")))
    ).one()
    names = ("received", "accepted", "duplicates", "dead letters")
    return {
        "events": {name: int(value or 0) for name, value in zip(names, sums, strict=True)},
        "touchpoints": counted(connection, tables.touchpoint.c.state, tables.touchpoint),
        "reasons": {f"{one['state']}: {one['code']}": cast(int, one["n"]) for one in not_asked if one["code"]},
        "asked": {name: n for name, n in sorted(ends.items(), key=lambda one: -one[1]) if n},
        "bands": counted(connection, tables.response.c.band, tables.response),
        "tickets": counted(
            connection, sa.case((ticket.c.outcome == "", ticket.c.state), else_=ticket.c.outcome), ticket
        ),
        "mails": counted(connection, tables.dispatch.c.state, tables.dispatch),
    }


def counted(connection: Connection, kind: sa.ColumnElement[str], table: sa.Table) -> dict[str, int]:
    """Return how many rows there are of each kind, the largest first."""
    word = sa.cast(kind, sa.String)
    query = sa.select(word, sa.func.count()).select_from(table).group_by(word).order_by(sa.func.count().desc(), word)
    return {str(name): int(count) for name, count in connection.execute(query)}


def waterfall(found: dict[str, dict[str, int]]) -> Iterator[str]:
    """Give the lines of the waterfall."""
    events = found["events"]
    yield line("events", events["received"], {name: n for name, n in events.items() if name != "received"})
    yield line("touchpoints", sum(found["touchpoints"].values()), found["touchpoints"])
    for reason, count in found["reasons"].items():
        yield f"  {'':12} {count:>7}  {reason.replace('_', ' ')}"
    yield line("asked", sum(found["asked"].values()), found["asked"])
    yield line("answered", sum(found["bands"].values()), found["bands"])
    yield line("tickets", sum(found["tickets"].values()), found["tickets"])
    mails = {name: count for name, count in found["mails"].items() if name != DispatchState.READY}
    yield line("mails", sum(mails.values()), mails)


def line(name: str, total: int, parts: dict[str, int]) -> str:
    """Return one line: a total and what it is the sum of."""
    return f"  {name:12} {total:>7} = " + " + ".join(
        f"{count} {part.replace('_', ' ')}" for part, count in parts.items()
    )
