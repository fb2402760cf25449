"""The report's figures: NPS with n, interval and response rate, per trigger, touchpoint, segment, language, month or
declared attribute, or by two of them at once.

Counted by cohort: the questions asked in a period and the answers to them whenever they came, so that the response
rate never exceeds 1. Recovery scores stand apart: low scores drift up by themselves. What several touchpoints are
mixed in says so and shows each of them beside it: two questions make no common score. The database counts; nothing is
changed.
"""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from workers.calendar import in_zone, instant_of, zone_info
from workers.domain.attributes import Attribute
from workers.domain.customer_inputs import COMPUTED
from workers.domain.reporting import DECIMALS, Figures, Filters, nps, rounded
from workers.domain.types import QuestionKind
from workers.errors import BadInput
from workers.store.connection import Connection
from workers.store.report.nps_counts import NO_ATTRIBUTES, count_scores, first_and_last_asked
from workers.store.report.wordings import WordingChange, wording_changes
from workers.usecases.report import drivers, ratings
from workers.usecases.report.written_figures import instant, percent, points

BY = ("trigger", "touchpoint", "segment", "month", "language", "driver", *COMPUTED)
"""What every report can be by, beside the declared attributes."""
OF_ITSELF = "driver"
"""What is no group of answers, as an answer names several: it goes with no other name."""
MOST_AT_ONCE = 2
FEWEST = 10
"""Answers that a group of two names at once needs to be shown: fewer would say what single customers answered."""


def report(
    connection: Connection,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    by: str | None = None,
    now: datetime,
    zone: str = "UTC",
    attributes: Mapping[str, Attribute] = NO_ATTRIBUTES,
) -> dict[str, object]:
    """Return the figures of the questions asked in a period, all together and by group; months are those of `zone`.

    `by` is a name of BY or a declared attribute, or two with a comma between. Of two at once, groups with fewer than
    FEWEST answers are left out and told as `hidden`. Score events of other tools count in n, by when they were asked,
    but not in `asked`. Raises BadInput for an unknown `by`.
    """
    dimensions = dimensions_of(by, attributes)
    period = Filters(since, until)
    months = month_starts(connection, period, zone) if "month" in dimensions else []
    counted = count_scores(connection, period, () if by == OF_ITSELF else dimensions, months, attributes)
    names = sorted({name for recovery, name, _ in counted if not recovery})
    apart = [figures for (recovery, _, _), figures in counted.items() if recovery]
    every = {(name, step): figures for (recovery, name, step), figures in counted.items() if not recovery}
    hidden = small_groups(every, names) if len(dimensions) > 1 else set()
    unseen = summed(every, hidden)
    shown = [name for name in names if name not in hidden]
    listed = drivers.by_driver(connection, period) if by == OF_ITSELF else groups_of(every, shown, dimensions)
    return {
        **mixed(every, names),
        "by": by,
        "since": instant(since),
        "until": instant(until),
        "as_of": instant(now),
        "groups": listed,
        "hidden": {
            "groups": len(hidden),
            "n": unseen.counts().n,
            "asked": unseen.asked,
            "fewer_than": FEWEST,
        },
        "recovery": sum(apart, Figures()).as_dict(),
        "ratings": ratings.describe(connection, period, months if by == "month" else ()),
        "wordings": [change_as_dict(change, zone) for change in wording_changes(connection, period)],
    }


def groups_of(every: "Counted", names: Sequence[str], dimensions: Sequence[str]) -> list[dict[str, object]]:
    """Return the groups of a report: months each with the change since the one before, two names without touchpoints.

    None for a report by nothing.
    """
    listed = [{"group": name, **mixed(every, [name])} for name in names] if dimensions else []
    if len(dimensions) > 1:
        return [{**line, "touchpoints": []} for line in listed]
    if dimensions != ("month",):
        return listed
    mixed_before = [False, *(bool(line["mixed"]) for line in listed)]
    since_before = changes([(name, summed(every, [name])) for name in names])
    return [
        {**line, "change": None if before or line["mixed"] else change}
        for line, change, before in zip(listed, since_before, mixed_before, strict=False)
    ]


def change_as_dict(change: WordingChange, zone: str) -> dict[str, object]:
    """Return a change of wording: its day in the zone, kind of question, language, and both wordings with texts."""
    return {
        "at": instant(change.at),
        "day": in_zone(change.at, zone).date().isoformat(),
        "asks": change.after.kind.value,
        "language": change.after.language,
        "before": {"wording": change.before.id, "question": change.before.question},
        "after": {"wording": change.after.id, "question": change.after.question},
    }


def dimensions_of(by: str | None, attributes: Mapping[str, Attribute]) -> tuple[str, ...]:
    """Return what a report is by, in the order in which it was said. Raises BadInput with what there is."""
    names = tuple(name.strip() for name in by.split(",")) if by else ()
    for name in names:
        if name not in BY and name not in attributes:
            usable = [*BY, *attributes]
            near = difflib.get_close_matches(name[:60], usable, n=1, cutoff=0.7)
            guess = f" Did you mean {near[0]}?" if near else ""
            raise BadInput(f"A report is made by {', '.join(usable)}, not by {name[:60]!r}.{guess}")
    alone = OF_ITSELF in names and len(names) > 1
    if len(names) > MOST_AT_ONCE or len(set(names)) != len(names) or alone:
        raise BadInput(f"A report is made by one name, or by {MOST_AT_ONCE} different ones, such as segment,language.")
    return names


def small_groups(every: "Counted", names: Collection[str]) -> set[str]:
    """Return the groups with answers too few to be shown; never one alone, which the sum would give away."""
    sizes = {name: summed(every, [name]).counts().n for name in names}
    small = {name for name, n in sizes.items() if n < FEWEST}
    others = sorted((n, name) for name, n in sizes.items() if name not in small)
    if len(small) == 1 and others:
        small.add(others[0][1])
    return small


Counted = Mapping[tuple[str, str], Figures]
"""Figures by group and touchpoint."""


def summed(every: Counted, names: Collection[str]) -> Figures:
    """Add up the figures of some groups over all their touchpoints."""
    return sum((figures for (name, _), figures in every.items() if name in names), Figures())


def mixed(every: Counted, names: Collection[str]) -> dict[str, object]:
    """Return the figures of some groups; where they mix several touchpoints, `mixed` says so and each stands beside.

    The score of a mixture moves with its shares, whatever anybody answers: a page or a terminal must not show it.
    """
    steps: dict[str, Figures] = {}
    for (name, step), figures in every.items():
        if name in names:
            steps[step] = steps.get(step, Figures()) + figures
    answered = [step for step, figures in steps.items() if figures.counts().n]
    beside = [{"touchpoint": step, **figures.as_dict()} for step, figures in sorted(steps.items())]
    more = len(answered) > 1
    return {**summed(every, names).as_dict(), "mixed": more, "touchpoints": beside if more else []}


def changes(shown: list[tuple[str, Figures]]) -> Iterator[dict[str, object] | None]:
    """Give, for each month, the step from the month before, called significant only by the test; None for the first."""
    before: Figures | None = None
    for _, figures in shown:
        if before is None:
            yield None
        else:
            step = nps.change_test(before.counts(), figures.counts())
            yield {"delta": rounded(step.delta), "p": round(step.p, DECIMALS + 2), "significant": step.significant}
        before = figures


def month_starts(connection: Connection, period: Filters, zone: str) -> list[tuple[str, datetime]]:
    """Return each month from the first question to the last, with the instant at which it begins in the zone."""
    first, last = first_and_last_asked(connection, period)
    return list(starts(first, last, zone_info(zone), zone)) if first and last else []


def starts(first: datetime, last: datetime, info: ZoneInfo, zone: str) -> Iterator[tuple[str, datetime]]:
    """Give the name and first instant of each month between two instants."""
    begin, end = in_zone(first, zone), in_zone(last, zone)
    for number in range(begin.year * 12 + begin.month - 1, end.year * 12 + end.month):
        year, month_of_year = divmod(number, 12)
        yield f"{year:04}-{month_of_year + 1:02}", instant_of(datetime(year, month_of_year + 1, 1), info)  # noqa: DTZ001  # a wall time


def as_text(figures: Mapping[str, object]) -> str:
    """Return the report for a terminal: one line for all, one for each group, recovery apart, and how to read it."""
    if figures["by"] == OF_ITSELF:
        return drivers.as_text(figures)
    groups = cast("list[dict[str, object]]", figures["groups"])
    lines = [HEADER.format(str(figures["by"] or ""))]
    for group in groups:
        lines += rows(str(group["group"]), group)
    hidden = cast("dict[str, int]", figures["hidden"])
    if hidden["groups"]:
        lines.append(
            f"{hidden['groups']} groups with {hidden['n']} answers together are hidden: by two names at once, a group "
            f"is shown from {hidden['fewer_than']} answers on, and never so that one alone is missing from the sum."
        )
    lines += rows("all", figures) if not groups or not figures["mixed"] else [row("all", figures)]
    recovery = cast("dict[str, object]", figures["recovery"])
    if recovery["asked"] or recovery["n"]:
        lines += ["", row("recovery", recovery)]
    lines += ratings.as_lines(cast("list[dict[str, object]]", figures["ratings"]))
    lines += [
        "",
        "asked: questions sent in the period; rate: answers to them. Low and high: 95 % adjusted Wald interval.",
    ]
    if figures["open"]:
        lines.append(f"{figures['open']} questions may still be answered, so the rates may rise.")
    if figures["settling"] or figures["late"]:
        lines.append(
            f"{figures['settling']} answers may still change; {figures['late']} arrived more than 7 days late."
        )
    if figures["mixed"]:
        lines.append("A line that mixes several touchpoints has no score: each question has its own.")
    for change in cast("list[dict[str, dict[str, str]]]", figures["wordings"]):
        before, after = (f"“{change[side]['question']}” ({change[side]['wording']})" for side in ("before", "after"))
        lines.append(
            f"From {change['day']} {the_question(str(change['asks']))} is another one in {change['language']}: "
            f"{before}, now {after}."
        )
    lines.append("Below 5 answers only counts are shown; below 30 a score is flagged as small.")
    return "\n".join(lines)


def the_question(asks: str) -> str:
    """Return what a question is called in a sentence: that of the NPS needs no name."""
    return "the question" if asks == QuestionKind.NPS else f"the {asks.upper()} question"


HEADER = "{:<24}     n   NPS    low   high  prom  pass  detr  asked   rate"


def rows(name: str, figures: Mapping[str, object]) -> list[str]:
    """Return the line of a group, and below it a line for each touchpoint where it mixes several."""
    beside = cast("list[dict[str, object]]", figures["touchpoints"])
    return [row(name, figures), *(row(f"  {touchpoint['touchpoint']}", touchpoint) for touchpoint in beside)]


def row(name: str, figures: Mapping[str, object]) -> str:
    """Return one line of the report; a mixture of touchpoints has counts and no score."""
    mixture = bool(figures.get("mixed"))
    measured = "  ".join(f"{'' if mixture else points(figures[name]):>5}" for name in ("nps", "low", "high"))
    bands = "".join(f"{figures[name]:>6}" for name in ("promoters", "passives", "detractors"))
    rate = percent(figures["response_rate"])
    flag = f"  {figures['flag']}" if figures["flag"] else ""
    change = cast("dict[str, object] | None", figures.get("change"))
    if change and change["significant"]:
        flag += f"  changed by {points(change['delta'])}"
    return f"{name:<24.24}{figures['n']:>6} {measured}{bands}{figures['asked']:>7}{rate:>7}{flag}"
