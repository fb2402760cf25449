"""Where the score comes from: what each driver that customers named contributes to the NPS. Pure: from counted cells.

Each answer counts +1, 0 or -1, as in the NPS, and hands that on in equal parts to the drivers it names; who names none
hands it to `none`. So the contributions add up to the NPS. The method is the one that CustomerGauge describes as NPS
contribution. It says what stood in the answers, not what a change would bring: correlation is no cause.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from workers.domain.records.choices import codes_in
from workers.domain.reporting import nps
from workers.domain.reporting.model import NONE
from workers.domain.reporting.nps import Counts, Interval
from workers.domain.types import Band

PARTS = 6
"""An answer has six parts, which one, two or three drivers share without a rest."""
VALUES = {Band.PROMOTER.value: 1, Band.PASSIVE.value: 0, Band.DETRACTOR.value: -1}
SHOWN_FROM = 30
"""Answers from which points are shown on a page; below, one answer more or less would move them."""
CELL_FROM = 10
"""Answers that name a driver from which a cell of driver by segment is shown; below, it would tell of persons."""


@dataclass(frozen=True, slots=True)
class DriverCell:
    """How many answers of one kind there are: what they are about, the drivers they name (as kept), the band."""

    trigger: str
    touchpoint: str
    segment: str
    drivers: str
    band: str
    n: int
    group: str = ""
    """Of the dimensions that the report sets side by side; empty where it has none."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one driver contributes to the score of `total` answers, of which `counts` name it.

    `parts` are the sixths that it was handed, with their sign, and `squares` the sum of their squares, in 36ths.
    """

    code: str
    counts: Counts
    parts: int
    squares: int
    total: int

    @property
    def points(self) -> float | None:
        """Return the points of the NPS that are its own; None without answers."""
        return 100 * self.parts / PARTS / self.total if self.total else None

    @property
    def interval(self) -> Interval:
        """Return its 95 % interval, adjusted as that of the NPS is: where nobody names a driver, the two are one."""
        return nps.interval_of_mean(self.parts / PARTS, self.squares / PARTS**2, self.total)

    def parted_from(self, before: "Contribution | None") -> float | None:
        """Return the step from the period before where the two intervals do not meet; None for no such step."""
        if before is None or min(self.total, before.total) < SHOWN_FROM:
            return None
        now, then = self.interval, before.interval
        if now.low <= then.high and then.low <= now.high:
            return None
        return (self.points or 0.0) - (before.points or 0.0)


def contributions(cells: Iterable[DriverCell]) -> list[Contribution]:
    """Return what each driver named contributes, the one that costs most first and `none` last; their parts add up."""
    named: dict[str, list[int]] = {}
    total = 0
    for cell in cells:
        codes = codes_in(cell.drivers) or (NONE,)
        share, value = PARTS // len(codes), VALUES.get(cell.band, 0)
        total += cell.n
        for code in codes:
            sums = named.setdefault(code, [0, 0, 0, 0, 0])
            sums[1 - value] += cell.n
            sums[3] += value * share * cell.n
            sums[4] += (value * share) ** 2 * cell.n
    drivers = [
        Contribution(code, Counts(*sums[:3]), parts, squares, total) for code, (*sums, parts, squares) in named.items()
    ]
    return sorted(drivers, key=lambda driver: (driver.code == NONE, driver.parts, -driver.counts.n, driver.code))


def counted(cells: Iterable[DriverCell]) -> Counts:
    """Return how many answers of each band there are."""
    of_band = dict.fromkeys(VALUES, 0)
    for cell in cells:
        of_band[cell.band] += cell.n
    return Counts(*of_band.values())


@dataclass(frozen=True, slots=True)
class Column:
    """One group of a matrix: its answers, whether several questions are mixed in it, and its drivers by code."""

    name: str
    counts: Counts
    mixed: bool
    drivers: dict[str, Contribution]


def matrix(cells: Iterable[DriverCell], group: Callable[[DriverCell], str]) -> list[Column]:
    """Return the groups that have answers, the largest first, each with what its drivers contribute to it."""
    grouped: dict[str, list[DriverCell]] = {}
    for cell in cells:
        grouped.setdefault(group(cell), []).append(cell)
    columns = [
        Column(name, counted(of_group), is_mixed(of_group), {each.code: each for each in contributions(of_group)})
        for name, of_group in grouped.items()
    ]
    return sorted(columns, key=lambda column: (-column.counts.n, column.name))


def is_mixed(cells: Iterable[DriverCell]) -> bool:
    """Tell whether the answers are to several questions, whose scores make no common one."""
    return len({(cell.trigger, cell.touchpoint) for cell in cells}) > 1
