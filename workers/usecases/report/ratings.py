"""The CSAT and CES answers in a report for programs and terminals: by touchpoint, and by month where that is asked.

Counted by cohort, as all of a report; they stand apart from every NPS. Reads only.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from workers.domain.reporting import Filters
from workers.domain.reporting.ratings import RatingOverTime, ratings, ratings_over_time
from workers.store.connection import Connection
from workers.store.report.figures import Months
from workers.store.report.ratings import count_rated, count_ratings
from workers.usecases.report.written_figures import percent


def describe(connection: Connection, period: Filters, months: Months = ()) -> list[dict[str, object]]:
    """Return the ratings of every touchpoint that was asked or answered; with months, each with its `months`."""
    counted = count_ratings(connection, period, months)
    listed = [rating.as_dict() for rating in ratings(counted, count_rated(connection, period))]
    if not months:
        return listed
    names = [name for name, _ in months]
    charts: dict[tuple[object, object, object], list[dict[str, object]]] = {
        (chart.kind.value, chart.touchpoint, chart.trigger): months_of(chart, names)
        for chart in ratings_over_time(counted, names, {})
    }
    return [
        {**line, "months": charts.get((line["question"], line["touchpoint"], line["trigger"]), [])} for line in listed
    ]


def months_of(chart: RatingOverTime, names: Sequence[str]) -> list[dict[str, object]]:
    """Return the months of one touchpoint, from the first with an answer to the last."""
    of_answers = ("n", "good", "share", "low", "high", "mean", "flag")
    months = [(names[period.first], period.rating.as_dict()) for period in chart.periods]
    return [{"month": month, **{name: figures[name] for name in of_answers}} for month, figures in months]


RATED = "{:<24}     n  good   low  high  mean                     asked   rate"


def as_lines(ratings: Sequence[Mapping[str, object]]) -> list[str]:
    """Return the lines of the CSAT and CES questions, which stand apart from every NPS; none where none was asked."""
    lines: list[str] = []
    for kind in dict.fromkeys(str(rating["question"]) for rating in ratings):
        lines += ["", RATED.format(kind.upper())]
        for rating in ratings:
            if rating["question"] == kind:
                lines += [rating_line(f"  {rating['touchpoint']}", rating), *month_lines(rating)]
    if lines:
        lines.append(
            "good: satisfied (CSAT 4 and 5 of 5) or agreeing (CES 5 to 7 of 7), with its 95 % Wilson interval."
        )
    return lines


def month_lines(rating: Mapping[str, object]) -> list[str]:
    """Return a line for each month of a rating, where the report is by month."""
    months = cast("list[dict[str, object]]", rating.get("months", []))
    return [rating_line(f"    {month['month']}", month) for month in months]


def rating_line(name: str, rating: Mapping[str, object]) -> str:
    """Return one line of a rating; below five answers it has counts and no share."""
    shares = "".join(f"{percent(rating[name]):>6}" for name in ("share", "low", "high"))
    mean = f"{rating['mean']:.1f}" if isinstance(rating["mean"], int | float) else "-"
    flag = f"  {rating['flag']}" if rating["flag"] else ""
    asked = f"{rating['asked']:>26}{percent(rating['response_rate']):>7}" if "asked" in rating else ""
    return f"{name:<24.24}{rating['n']:>6}{shares}{mean:>6}{asked}{flag}"
