"""The geometry of the report's charts: where marks stand, in per cent across and in pixels down.

Drawn on the server as SVG that is as wide as its column, with text that keeps its size; no style attributes, because
the content security policy allows none. Pure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypedDict

from workers.calendar import in_zone
from workers.domain.reporting import COUNTS_ONLY_BELOW, Lane, OverTime, Period, Reading
from workers.domain.reporting.ratings import Rating
from workers.usecases.report.sections import Note
from workers.web.staff.report.addresses import asked_at
from workers.web.staff.report.time_axis import TimeAxis
from workers.web.staff.report.wording import Words

LANE_TOP, LANE_HEIGHT = 26, 120
"""Pixels above the highest score, and from +100 down to -100."""
STEP_NEEDS = 0.2
"""The share of a phone's width that the words of a step take: a step that is nearer stands a row below."""
STEP_ROWS = (11, 24)
"""Pixels from the top to the words of a step, in the first and in the second row."""
HISTOGRAM_HEIGHT = 72
TICKS_AT_MOST = 6
MOST_NAMES = 6
"""Segments named below a chart; the filter has all."""


def across(points: float) -> str:
    """Return where an NPS stands on a line from -100 to +100, in per cent from the left."""
    return percent((points + 100) / 200)


def percent(share: float) -> str:
    """Return a share from 0 to 1 as SVG writes it, to a hundredth of a per cent."""
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + "%"


def down(points: float) -> float:
    """Return how far down points stand in a lane, in pixels."""
    return round(LANE_TOP + (100 - points) / 200 * LANE_HEIGHT, 1)


@dataclass(frozen=True, slots=True)
class Strip:
    """One score on the line of all that there can be, with its interval: places in per cent, `small` below 30 answers.

    An NPS lies from -100 to +100, the share of good answers from 0 to 1.
    """

    low: str
    width: str
    high: str
    dot: str
    small: bool


def strip(reading: Reading) -> Strip | None:
    """Return the marks of a score; None below five answers."""
    if reading.nps is None or reading.low is None or reading.high is None:
        return None
    wide = percent((reading.high - reading.low) / 200)
    return Strip(across(reading.low), wide, across(reading.high), across(reading.nps), bool(reading.flag))


def share_strip(rating: Rating) -> Strip | None:
    """Return the marks of a share of good answers; None below five answers."""
    if rating.share is None or rating.low is None or rating.high is None:
        return None
    wide = percent(rating.high - rating.low)
    return Strip(percent(rating.low), wide, percent(rating.high), percent(rating.share), bool(rating.flag))


@dataclass(frozen=True, slots=True)
class Box:
    """One period of a lane: its months across, its interval down, its score as a line, the step to it."""

    x: str
    width: str
    middle: str
    end: str
    top: float
    height: float
    line: float
    nps: str
    n: str
    step: str
    step_y: int
    rose: bool
    sure: bool
    small: bool
    shown: bool
    query: str
    label: str
    wide_only: bool = False


class Outline(TypedDict):
    """Where a box stands: its days across, in per cent; its interval and its score down, in pixels."""

    x: str
    width: str
    middle: str
    end: str
    top: float
    height: float
    line: float


def outline(
    axis: TimeAxis, days: tuple[date, date], marks: tuple[float | None, ...], down: Callable[[float], float]
) -> Outline:
    """Return where a box stands: `marks` are the low and the high end of its interval and its score."""
    begins, ends = days
    x = axis.place(begins)
    width = axis.place(ends + timedelta(days=1)) - x
    low, high, score = (down(value or 0.0) for value in marks)
    return Outline(
        x=percent(x),
        width=percent(width),
        middle=percent(x + width / 2),
        end=percent(x + width),
        top=high,
        height=round(low - high, 1),
        line=score,
    )


@dataclass(frozen=True, slots=True)
class DrawnLane:
    """The boxes of one segment; `segment` is "" for everybody."""

    segment: str
    name: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A note or the beginning of a month on the line of time."""

    x: str
    text: str
    wide_only: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    """One chart over time; `quiet` are the segments in which nothing changed, each with the query of its report."""

    touchpoint: str
    name: str
    trigger: str
    lanes: tuple[DrawnLane, ...]
    quiet: tuple[tuple[str, str], ...]
    changed: bool
    few: int


def over_time(time: OverTime, words: Words) -> Drawn:
    """Return the chart of one touchpoint: everybody, and the segments in which something changed."""
    quiet = [lane.segment for lane in time.lanes if lane not in time.shown and len(lane.periods) > 1]
    answers = sum(period.reading.n for period in time.lanes[0].periods)
    few = answers if answers < COUNTS_ONLY_BELOW else 0
    return Drawn(
        time.touchpoint,
        words.touchpoint(time.touchpoint),
        words.trigger(time.trigger),
        () if few else tuple(drawn_lane(time, lane, words) for lane in time.shown),
        tuple((words.segment(name), words.addresses.query(segment=name)) for name in quiet[:MOST_NAMES]),
        any(lane.changed for lane in time.lanes),
        few,
    )


def drawn_lane(chart: OverTime, lane: Lane, words: Words) -> DrawnLane:
    """Return the boxes of one segment, its steps in two rows where they stand near each other."""
    boxes: list[Box] = []
    last_step, row = -1.0, 0
    for before, period in zip((None, *lane.periods), lane.periods, strict=False):
        days, reading = words.axis.days(period), period.reading
        pick = {**asked_at(chart.trigger, chart.touchpoint), **words.addresses.days(*days)}
        if lane.segment:
            pick["segment"] = lane.segment
        x = words.axis.place(days[0])
        step = period.change.delta if period.change is not None and period.change.significant else None
        if step is not None:
            row = 1 - row if x - last_step < STEP_NEEDS else 0
            last_step = x
        boxes.append(
            Box(
                **outline(words.axis, days, (reading.low, reading.high, reading.nps), down),
                nps=words.points(reading.nps) if reading.nps is not None else "",
                n=words.whole(reading.n),
                step=words.points(step) if step is not None else "",
                step_y=STEP_ROWS[row],
                rose=(step or 0) > 0,
                sure=period.at_note,
                small=bool(reading.flag),
                shown=reading.nps is not None,
                query=words.addresses.query(**pick),
                label=box_label(words, lane, period, before),
            )
        )
    return DrawnLane(lane.segment, words.segment(lane.segment), tuple(boxes))


def box_label(words: Words, lane: Lane, period: Period, before: Period | None) -> str:
    """Return the sentence that a screen reader says of a period, with the step to it where it is more than chance."""
    reading, named = period.reading, words.axis.period(period)
    if reading.nps is None:
        return words.text("box.few", segment=words.segment(lane.segment), period=named, n=reading.n)
    said = words.text(
        "box",
        segment=words.segment(lane.segment),
        period=named,
        nps=words.points(reading.nps),
        interval=words.interval(reading.low, reading.high),
        n=reading.n,
    )
    if before is None or period.change is None or not period.changed:
        return said
    step = words.text(
        "box.step", points=words.points(period.change.delta), when=words.axis.when_changed(before, period)
    )
    return f"{said} {step}"


def place_in_time(at: datetime, words: Words) -> float | None:
    """Return where an instant stands between the first and the last month, as a share; None outside."""
    day = in_zone(at, words.zone).date()
    return words.axis.place(day) if f"{day.year:04}-{day.month:02}" in words.axis.months else None


def note_marks(notes: Sequence[Note], words: Words) -> list[Mark]:
    """Return where the notes stand, numbered in the order of time."""
    marks = []
    for number, note in enumerate(notes, 1):
        place = place_in_time(note.at, words)
        if place is not None:
            marks.append(Mark(percent(place), str(number)))
    return marks


def month_marks(words: Words) -> list[Mark]:
    """Return the months to name on the line of time: at most six, every second one on wide pages only."""
    months = len(words.axis.months)
    every = max(1, -(-months // TICKS_AT_MOST))
    return [
        Mark(percent(place / months), words.axis.month(words.axis.months[place]), wide_only=bool(number % 2))
        for number, place in enumerate(range(0, months, every))
    ]


@dataclass(frozen=True, slots=True)
class Slice:
    """One part of a bar of 100 per cent, where it begins (`x`) and how wide it is."""

    kind: str
    x: str
    width: str
    middle: str
    text: str
    query: str
    label: str


def slices(parts: Sequence[tuple[str, int, str, str]], words: Words) -> list[Slice]:
    """Return the parts of a bar of 100 per cent from (kind, count, query, label); text where there is room for it."""
    total = sum(n for _, n, _, _ in parts) or 1
    drawn, start = [], 0
    for kind, n, query, label in parts:
        if n:
            share = n / total
            text = words.whole(n) if share >= 0.08 else ""
            drawn.append(
                Slice(
                    kind, percent(start / total), percent(share), percent((start + n / 2) / total), text, query, label
                )
            )
        start += n
    return drawn


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a histogram: across in per cent, `top` and `height` in pixels."""

    x: str
    width: str
    middle: str
    top: float
    height: float
    score: int
    n: int
    band: str
    query: str


def histogram(counts: Sequence[int], bands: Sequence[str], queries: Sequence[str]) -> list[Column]:
    """Return a column for each score 0 to 10, scaled to the most frequent; a rare one keeps 2 pixels."""
    most, slot = max(counts) or 1, 1 / len(counts)
    columns = []
    for score, n in enumerate(counts):
        height = round(HISTOGRAM_HEIGHT * n / most, 1)
        height = max(height, 2.0) if n else 0.0
        columns.append(
            Column(
                x=percent((score + 0.12) * slot),
                width=percent(0.76 * slot),
                middle=percent((score + 0.5) * slot),
                top=round(18 + HISTOGRAM_HEIGHT - height, 1),
                height=height,
                score=score,
                n=n,
                band=bands[score],
                query=queries[score],
            )
        )
    return columns


@dataclass(frozen=True, slots=True)
class Fall:
    """One line of a waterfall: what is left (`kept`), or what falls away and where on the line."""

    name: str
    x: str
    width: str
    n: str
    share: str
    kept: bool
    link: str


def waterfall(steps: Sequence[tuple[str, int, bool, str]], words: Words) -> list[Fall]:
    """Return the lines of a waterfall from (name, count, kept, link), the first of which is everything."""
    total = steps[0][1] or 1
    level, falls = total, []
    for name, n, kept, link in steps:
        if not kept:
            level -= n
        start = 0 if kept else level
        share = words.share(n / total) if steps[0][1] else ""
        falls.append(
            Fall(name, percent(start / total), percent(n / total), words.whole(n), share, kept, link if n else "")
        )
    return falls


@dataclass(frozen=True, slots=True)
class Pair:
    """Two columns side by side, before and after; `label` is what stands under them, where there is room."""

    old_x: str
    new_x: str
    width: str
    middle: str
    old_top: float
    old_height: float
    new_top: float
    new_height: float
    label: str
    wide_only: bool


@dataclass(frozen=True, slots=True)
class Pairs:
    """A chart of columns two by two, and the highest of them."""

    columns: tuple[Pair, ...]
    most: int


def pairs(counts: Sequence[tuple[str, int, int]]) -> Pairs:
    """Return the columns of (label, before, after), all to one scale."""
    most, slot = max((max(old, new) for _, old, new in counts), default=0), 1 / (len(counts) or 1)
    every = max(1, -(-len(counts) // TICKS_AT_MOST))
    columns = []
    for number, (label, old, new) in enumerate(counts):
        tops = [round(HISTOGRAM_HEIGHT * n / (most or 1), 1) for n in (old, new)]
        heights = [max(height, 1.5) if n else 0.0 for height, n in zip(tops, (old, new), strict=True)]
        columns.append(
            Pair(
                old_x=percent((number + 0.1) * slot),
                new_x=percent((number + 0.5) * slot),
                width=percent(0.38 * slot),
                middle=percent((number + 0.5) * slot),
                old_top=round(18 + HISTOGRAM_HEIGHT - heights[0], 1),
                old_height=heights[0],
                new_top=round(18 + HISTOGRAM_HEIGHT - heights[1], 1),
                new_height=heights[1],
                label="" if number % every else label,
                wide_only=bool(number // every % 2),
            )
        )
    return Pairs(tuple(columns), most)
