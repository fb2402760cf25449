"""What was measured: NPS per touchpoint, over time, and how the scores spread. Pure: from the cells that were counted.

Relationship and transactional triggers stand apart, and nothing is blended into one headline.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from workers.domain.reporting import nps
from workers.domain.reporting.model import AnswerCell, AskedCell, Cube, Figures, Reading, is_relationship
from workers.domain.reporting.nps import Change
from workers.domain.reporting.periods import cut

SCORES = nps.SCALE.numbers
EVERYBODY = ""
"""Stands for all segments together."""
MOST_LANES = 10
"""Lines over time on one page, which stays below 100 kB with them."""


@dataclass(frozen=True, slots=True)
class Touchpoint:
    """One moment of asking, with what was answered, on which channels."""

    trigger: str
    touchpoint: str
    reading: Reading
    channels: tuple[tuple[str, int], ...]
    scores: tuple[int, ...]

    @property
    def relationship(self) -> bool:
        """Tell whether it asks about the whole relationship, not about one event."""
        return is_relationship(self.trigger)


def touchpoints(cube: Cube) -> list[Touchpoint]:
    """Return every touchpoint, transactional ones first, by trigger, and from the soonest to the latest."""
    grouped: dict[tuple[str, str], list[AnswerCell | AskedCell]] = defaultdict(list)
    for cell in cube.cells():
        grouped[cell.trigger, cell.touchpoint].append(cell)
    order = sorted(grouped, key=lambda key: (is_relationship(key[0]), key[0], natural(key[1])))
    return [touchpoint(*key, grouped[key]) for key in order]


def natural(name: str) -> tuple[bool, list[tuple[int, str]]]:
    """Return what touchpoints are sorted by: "now" first, then numbers by their value (3m before 12m)."""
    parts = re.split(r"([0-9]+)", name)
    return not name.endswith("now"), [(int(part), "") if part.isdigit() else (0, part) for part in parts]


def touchpoint(trigger: str, name: str, cells: Sequence[AnswerCell | AskedCell]) -> Touchpoint:
    """Return one touchpoint of its cells, all segments and months together."""
    answers = [cell for cell in cells if isinstance(cell, AnswerCell)]
    channels: Counter[str] = Counter()
    scores: Counter[int] = Counter()
    for cell in answers:
        channels[cell.channel] += cell.n
        scores[cell.score] += cell.n
    return Touchpoint(
        trigger,
        name,
        Reading.of(total(cells)),
        tuple(sorted(channels.items(), key=lambda pair: (-pair[1], pair[0]))),
        tuple(scores[score] for score in SCORES),
    )


def total(cells: Iterable[AnswerCell | AskedCell]) -> Figures:
    """Return the sum of cells; of none, figures that are all 0."""
    return sum((cell.figures() for cell in cells), Figures())


@dataclass(frozen=True, slots=True)
class Period:
    """Some stretches put together: the places of the first and of the one behind the last.

    `at_note` says that a dated note lies where it begins: else the date of a step to it is uncertain, as stretches were
    put together by how many answers they have.
    """

    first: int
    behind: int
    reading: Reading
    change: Change | None
    at_note: bool = False

    @property
    def changed(self) -> bool:
        """Tell whether the step from the period before is more than chance."""
        return self.change is not None and self.change.significant


@dataclass(frozen=True, slots=True)
class Lane:
    """One line over time: a touchpoint, of everybody or of one segment."""

    segment: str
    periods: tuple[Period, ...]

    @property
    def changed(self) -> bool:
        """Tell whether any step is more than chance."""
        return any(period.changed for period in self.periods)


@dataclass(frozen=True, slots=True)
class OverTime:
    """One touchpoint over time: everybody first, then each segment."""

    trigger: str
    touchpoint: str
    lanes: tuple[Lane, ...]
    kept: tuple[Lane, ...] | None = None

    @property
    def shown(self) -> tuple[Lane, ...]:
        """Return what is drawn: everybody, and the segments in which something changed."""
        if self.kept is not None:
            return self.kept
        return tuple(line for line in self.lanes if line.segment == EVERYBODY or line.changed)


def over_time(cube: Cube, stretches: Sequence[str], walls: Collection[int] = ()) -> list[OverTime]:
    """Return each touchpoint with an answer over time, in the order of `touchpoints`.

    A stretch is a month, or a part of one that a note begins; no period reaches across `walls`, the places of those.
    """
    charts = []
    for touchpoint in touchpoints(cube):
        if not touchpoint.reading.n:
            continue
        cells = [
            cell
            for cell in cube.cells()
            if (cell.trigger, cell.touchpoint) == (touchpoint.trigger, touchpoint.touchpoint)
        ]
        segments = sorted({cell.segment for cell in cells if isinstance(cell, AnswerCell)})
        lanes = [lane(EVERYBODY, cells, stretches, walls)]
        if len(segments) > 1:
            lanes += [
                lane(name, [cell for cell in cells if cell.segment == name], stretches, walls) for name in segments
            ]
        charts.append(OverTime(touchpoint.trigger, touchpoint.touchpoint, tuple(lanes)))
    return charts


def drawn(charts: Sequence[OverTime], most: int = MOST_LANES) -> tuple[list[OverTime], list[OverTime]]:
    """Return what a page draws and what it only names: at most so many lines, changed segments and large n first.

    A chart that is drawn keeps the line of everybody; the order of the charts stays.
    """
    by_size = sorted(charts, key=lambda chart: -sum(period.reading.n for period in chart.lanes[0].periods))
    kept = {(chart.trigger, chart.touchpoint) for chart in by_size[:most]}
    room = most - min(most, len(charts))
    drawn_charts = []
    for chart in charts:
        if (chart.trigger, chart.touchpoint) not in kept:
            continue
        segments = chart.shown[1 : 1 + room]
        room -= len(segments)
        drawn_charts.append(OverTime(chart.trigger, chart.touchpoint, chart.lanes, (chart.lanes[0], *segments)))
    return drawn_charts, [chart for chart in charts if (chart.trigger, chart.touchpoint) not in kept]


def lane(
    segment: str, cells: Sequence[AnswerCell | AskedCell], stretches: Sequence[str], walls: Collection[int] = ()
) -> Lane:
    """Return one line over time: periods with enough answers each, and the step from the one before."""
    place = {stretch: number for number, stretch in enumerate(stretches)}
    counted = [Figures()] * len(stretches)
    for cell in cells:
        counted[place[cell.month]] += cell.figures()
    periods: list[Period] = []
    for first, behind in cut([figures.counts().n for figures in counted], walls):
        reading = Reading.of(sum(counted[first:behind], Figures()))
        before = periods[-1] if periods else None
        at_note = before is not None and any(before.behind <= wall <= first for wall in walls)
        periods.append(Period(first, behind, reading, step(before, reading), at_note))
    return Lane(segment, tuple(periods))


def step(before: Period | None, reading: Reading) -> Change | None:
    """Return the step from the period before; none from or to one with too few answers for a score."""
    if before is None or before.reading.nps is None or reading.nps is None:
        return None
    return nps.change_test(before.reading.figures.counts(), reading.figures.counts())


def spread(
    rows: Sequence[Touchpoint], key: Callable[[Touchpoint], str] = lambda touchpoint: touchpoint.trigger
) -> dict[str, list[int]]:
    """Return how often each score was given, by trigger."""
    added: dict[str, list[int]] = {}
    for touchpoint in rows:
        counts = added.setdefault(key(touchpoint), [0] * len(SCORES))
        for score in SCORES:
            counts[score] += touchpoint.scores[score]
    return {name: counts for name, counts in added.items() if any(counts)}
