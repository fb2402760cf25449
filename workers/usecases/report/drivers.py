"""Where the scores come from: what each driver contributes, for the page, the report's table and the terminal.

Counted by cohort like the rest of the report, recovery left out. Points of several questions are no common score: a
page shows them for one touchpoint at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from workers.domain.drivers import NONE
from workers.domain.reporting import Filters, nps, rounded, stage_of
from workers.domain.reporting.drivers import (
    CELL_FROM,
    SHOWN_FROM,
    Column,
    Contribution,
    contributions,
    counted,
    is_mixed,
    matrix,
)
from workers.store.connection import Connection
from workers.store.report.cells import words as words_of_filters
from workers.store.report.drivers import count_drivers

__all__ = [
    "CELL_FROM",
    "NONE",
    "SHOWN_FROM",
    "Column",
    "Contribution",
    "DriverReview",
    "as_text",
    "by_driver",
    "contributions_of",
    "review",
]
DECIMALS = 6
"""Of a contribution in JSON: so many that the sum of all is the NPS."""


@dataclass(frozen=True, slots=True)
class DriverReview:
    """What the page shows: the drivers of a period, of the one before, and by touchpoint, segment and stage."""

    filters: Filters
    as_of: datetime
    counts: nps.Counts
    mixed: bool
    drivers: tuple[Contribution, ...]
    before: Mapping[str, Contribution]
    """By code, of the period as long as this one that ended when it began; empty where it has no beginning."""
    touchpoints: tuple[Column, ...]
    segments: tuple[Column, ...]
    stages: tuple[Column, ...]
    groups: tuple[Column, ...]
    """By the dimensions that the address names; none without."""
    words: Mapping[str, list[str]]


def review(connection: Connection, filters: Filters, now: datetime) -> DriverReview:
    """Read what the page shows for the answers that the filters choose."""
    cells = count_drivers(connection, filters)
    former = period_before(filters, now)
    earlier = contributions(count_drivers(connection, former)) if former else []
    return DriverReview(
        filters=filters,
        as_of=now,
        counts=counted(cells),
        mixed=is_mixed(cells),
        drivers=tuple(contributions(cells)),
        before={driver.code: driver for driver in earlier},
        touchpoints=tuple(matrix(cells, lambda cell: cell.touchpoint)),
        segments=tuple(matrix(cells, lambda cell: cell.segment)),
        stages=tuple(matrix(cells, lambda cell: stage_of(cell.trigger))),
        groups=tuple(matrix(cells, lambda cell: cell.group)) if filters.by else (),
        words=words_of_filters(connection),
    )


def period_before(filters: Filters, now: datetime) -> Filters | None:
    """Return the same filters over the period as long that ended when this one began; None without a beginning."""
    if filters.since is None:
        return None
    length = (filters.until or now) - filters.since
    return replace(filters, since=filters.since - length, until=filters.since)


def contributions_of(connection: Connection, filters: Filters) -> tuple[bool, tuple[Contribution, ...]]:
    """Return whether several questions are mixed in the answers that are chosen, and what drivers contribute."""
    cells = count_drivers(connection, filters)
    return is_mixed(cells), tuple(contributions(cells))


def by_driver(connection: Connection, period: Filters) -> list[dict[str, object]]:
    """Return the groups of a report by driver, each with its touchpoints where several questions are mixed."""
    cells = count_drivers(connection, period)
    mixed = is_mixed(cells)
    columns = sorted(matrix(cells, lambda cell: cell.touchpoint), key=lambda column: column.name) if mixed else []
    return [
        {
            "group": driver.code,
            **as_dict(driver),
            "mixed": mixed,
            "touchpoints": [
                {"touchpoint": column.name, **as_dict(column.drivers[driver.code])}
                for column in columns
                if driver.code in column.drivers
            ],
        }
        for driver in contributions(cells)
    ]


def as_dict(driver: Contribution) -> dict[str, object]:
    """Return a contribution as JSON has it: below five answers in all counts only."""
    size = nps.sample_size(driver.total)
    shown = size is not nps.SampleSize.COUNTS_ONLY
    points, interval = driver.points, driver.interval
    return {
        "n": driver.counts.n,
        "promoters": driver.counts.promoters,
        "passives": driver.counts.passives,
        "detractors": driver.counts.detractors,
        "of": driver.total,
        "contribution": None if points is None or not shown else round(points, DECIMALS),
        "low": rounded(interval.low) if shown else None,
        "high": rounded(interval.high) if shown else None,
        "flag": "" if driver.total >= SHOWN_FROM else "small" if shown else "counts only",
    }


def as_text(figures: Mapping[str, object]) -> str:
    """Return a report by driver for a terminal: points of one question at a time, none below 30 answers."""
    groups = cast("list[dict[str, object]]", figures["groups"])
    lines = ["{:<24}     n  prom  pass  detr  points    low   high".format("driver")]
    for group in groups:
        lines.append(row(str(group["group"]), group, points=not group["mixed"]))
        lines += [
            row(f"  {touchpoint['touchpoint']}", touchpoint, points=True)
            for touchpoint in cast("list[dict[str, object]]", group["touchpoints"])
        ]
    if not groups:
        lines.append("No answers in this period.")
    return "\n".join(
        [
            *lines,
            "",
            "Each answer counts +1, 0 or -1 and hands it on in equal parts to the drivers it names: the points of one",
            "question add up to its NPS. Of several questions together there are counts only; below 30 answers too.",
            "What stood in the answers, not what a change would bring.",
        ]
    )


def row(name: str, figures: Mapping[str, object], *, points: bool) -> str:
    """Return one line of the report by driver."""
    bands = "".join(f"{figures[key]:>6}" for key in ("n", "promoters", "passives", "detractors"))
    if not points or figures["flag"]:
        return f"{name:<24.24}{bands}"
    values = (figures[key] for key in ("contribution", "low", "high"))
    shown = (round(value, 1) + 0.0 for value in values if isinstance(value, int | float))  # -0.0 + 0.0 is 0.0
    return f"{name:<24.24}{bands}" + "".join(f"{value:>+8.1f}" for value in shown)
