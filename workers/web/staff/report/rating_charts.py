"""The CSAT and CES answers over time: a chart with a box for each month, from 0 to 100 per cent, and its table. Pure.

In the style of the NPS charts, and apart from them. A month is cut where the wording of its question changed.
"""

from dataclasses import dataclass
from string import ascii_uppercase

from workers.domain.reporting.ratings import RatedPeriod, RatingOverTime
from workers.domain.types import QuestionKind
from workers.usecases.report.sections import Review
from workers.web.staff.report.cells import Cell, Sheet, flag, number, ratio, sheet, word
from workers.web.staff.report.charts import LANE_HEIGHT, LANE_TOP, Box, Mark, outline, percent, place_in_time
from workers.web.staff.report.time_axis import TimeAxis
from workers.web.staff.report.wording import Words

MOST_CHARTS = 8
"""Charts that the page draws, of the touchpoints with the most answers; it names the others, and the file has all."""
BOXES_NAMED = 8
"""Boxes whose figures stand side by side on a phone; of more, some are told on wide pages only."""


@dataclass(frozen=True, slots=True)
class DrawnRating:
    """The chart of one touchpoint's CSAT or CES answers; without boxes where no month has enough for a share."""

    kind: QuestionKind
    name: str
    n: str
    boxes: tuple[Box, ...]


def drawn_ratings(review: Review, words: Words) -> tuple[list[DrawnRating], list[tuple[str, str]]]:
    """Return the charts that the page draws, and name and query of each that it only names."""
    by_size = sorted(review.ratings_over_time, key=lambda chart: -chart.n)
    drawn = [chart for chart in review.ratings_over_time if chart in by_size[:MOST_CHARTS]]
    others = [chart for chart in review.ratings_over_time if chart not in drawn]
    axis = TimeAxis(words.catalog, review.rated_stretches)
    return [drawn_rating(chart, axis, words) for chart in drawn], [
        (f"{words.touchpoint(chart.touchpoint)} ({kind_name(chart.kind, words)})", words.addresses.query(**pick(chart)))
        for chart in others
    ]


def drawn_rating(chart: RatingOverTime, axis: TimeAxis, words: Words) -> DrawnRating:
    """Return the boxes of one touchpoint, none where no month has enough answers."""
    sparse = all(period.rating.share is None for period in chart.periods)
    boxes = () if sparse else tuple(box(chart, period, axis, words) for period in chart.periods)
    return DrawnRating(chart.kind, words.touchpoint(chart.touchpoint), words.whole(chart.n), boxes)


def box(chart: RatingOverTime, period: RatedPeriod, axis: TimeAxis, words: Words) -> Box:
    """Return the box of one month: its interval from 0 to 100 per cent, its share as a line, what it opens."""
    days, rating = axis.days(period), period.rating
    return Box(
        **outline(axis, days, (rating.low, rating.high, rating.share), down),
        nps=words.share(rating.share) if rating.share is not None else "",
        n=words.whole(rating.n),
        step="",
        step_y=0,
        rose=False,
        sure=True,
        small=bool(rating.flag),
        shown=rating.share is not None,
        query=words.addresses.query(**pick(chart), **words.addresses.days(*days)),
        label=label(period, axis, words),
        wide_only=bool((period.first - chart.periods[0].first) % -(-len(chart.periods) // BOXES_NAMED)),
    )


def down(share: float) -> float:
    """Return how far down a share from 0 to 1 stands in a lane, in pixels."""
    return round(LANE_TOP + (1 - share) * LANE_HEIGHT, 1)


def label(period: RatedPeriod, axis: TimeAxis, words: Words) -> str:
    """Return the sentence that a screen reader says of a month."""
    rating, named = period.rating, axis.period(period)
    if rating.share is None:
        return words.text("ratings.box.few", period=named, n=rating.n)
    bounds = words.text("interval", low=words.share(rating.low), high=words.share(rating.high))
    return words.text("ratings.box", period=named, share=words.share(rating.share), interval=bounds, n=rating.n)


def pick(chart: RatingOverTime) -> dict[str, str]:
    """Return the filters for the answers of a chart."""
    return {"touchpoint": chart.touchpoint, "trigger": chart.trigger, "question": chart.kind.value}


def kind_name(kind: QuestionKind, words: Words) -> str:
    """Return what a kind of question is called."""
    return words.text(f"question.{kind}")


@dataclass(frozen=True, slots=True)
class MarkedWording:
    """A change of wording as the page tells it: its letter on the charts, the day, and both questions."""

    letter: str
    day: str
    kind: QuestionKind
    language: str
    before: str
    after: str


def marked_wordings(review: Review, words: Words) -> list[MarkedWording]:
    """Return the changes of wording of every kind of question, lettered in the order of time: A to Z, then A2."""
    return [
        MarkedWording(
            letter_of(place),
            words.day(change.at),
            change.after.kind,
            words.language(change.after.language),
            change.before.question,
            change.after.question,
        )
        for place, change in enumerate(review.wordings)
    ]


def letter_of(place: int) -> str:
    """Return the letter of the change at a place in order."""
    turn, letter = divmod(place, len(ascii_uppercase))
    return f"{ascii_uppercase[letter]}{turn + 1 if turn else ''}"


def wording_marks(review: Review, words: Words) -> dict[str, list[Mark]]:
    """Return where the changes of wording stand on the line of time, by the kind of question that changed."""
    marks: dict[str, list[Mark]] = {kind.value: [] for kind in QuestionKind}
    for place, change in enumerate(review.wordings):
        x = place_in_time(change.at, words)
        if x is not None:
            marks[change.after.kind.value].append(Mark(percent(x), letter_of(place)))
    return marks


def ratings_over_time_sheet(review: Review, words: Words) -> Sheet:
    """Return the CSAT and CES answers by month; n opens them."""
    axis = TimeAxis(words.catalog, review.rated_stretches)
    rows: list[list[Cell]] = []
    for chart in review.ratings_over_time:
        for period in chart.periods:
            rating = period.rating
            days = words.addresses.days(*axis.days(period))
            rows.append(
                [
                    word(kind_name(chart.kind, words)),
                    word(words.touchpoint(chart.touchpoint)),
                    word(axis.period(period)),
                    number(words, rating.n, **pick(chart), **days),
                    *(ratio(words, share) for share in (rating.share, rating.low, rating.high)),
                    Cell(None if rating.mean is None else round(rating.mean, 2), words.mean(rating.mean)),
                    flag(words, rating.flag),
                ]
            )
    columns = ("question", "touchpoint", "period", "n", "good", "low", "high", "mean", "flag")
    return sheet("ratings-over-time", words, columns, rows)
