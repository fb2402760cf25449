"""Sets on an ordered line, as sorted disjoint half-open spans between cuts.

A cut lies just before a value (value, 0) or just after it (value, 1), so that open, closed, single and endless
intervals are all one form, and 6 and 7 touch for whole numbers. Must not know columns or kinds beyond whole steps.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from workers.decision_table.model.values import MICROSECONDS_A_DAY, Kind, Position, position_of

Cut = tuple[Position, int]


@dataclass(frozen=True, slots=True)
class Span:
    """Everything from one cut up to another; None is no end."""

    low: Cut | None = None
    high: Cut | None = None

    @property
    def empty(self) -> bool:
        """Say whether nothing lies between the cuts."""
        return self.low is not None and self.high is not None and self.low >= self.high


Spans = tuple[Span, ...]
WHOLE: Spans = (Span(),)
_FIRST, _LAST = datetime.min, datetime.max  # noqa: DTZ901  wall times, compared with wall times
# What Python's own types can hold, and all times of a day without an offset: nothing lies beyond.
_LIMITS: Mapping[Kind, Spans] = {
    Kind.DATE: (Span((date.min.toordinal(), 0), (date.max.toordinal() + 1, 0)),),
    Kind.MOMENT: (Span((position_of(Kind.MOMENT, _FIRST), 0), (position_of(Kind.MOMENT, _LAST), 1)),),
    Kind.TIME: (Span((0, 0), (MICROSECONDS_A_DAY, 0)),),
    Kind.ORDERED_TEXT: (Span((position_of(Kind.ORDERED_TEXT, ""), 0)),),
}


def everything_of(kind: Kind, *, zoned: bool = False) -> Spans:
    """Return the widest set that a kind may hold; of instants in a zone the whole line."""
    return WHOLE if zoned else _LIMITS.get(kind, WHOLE)


def endless(interval: Span, kind: Kind) -> Span:
    """Return a span without the ends beyond which nothing lies anyway."""
    limits = _LIMITS.get(kind, WHOLE)[0]
    return Span(
        None if interval.low == limits.low else interval.low, None if interval.high == limits.high else interval.high
    )


def span(
    low: Position | None, high: Position | None, *, low_closed: bool = True, high_closed: bool = True, whole: bool
) -> Span:
    """Return the span of an interval; in `whole` steps an open end is the next whole value's closed one."""
    start = None if low is None else (low, 0 if low_closed else 1)
    end = None if high is None else (high, 1 if high_closed else 0)
    return Span(_snap(start) if whole else start, _snap(end) if whole else end)


def _snap(cut: Cut | None) -> Cut | None:
    return (cut[0] + 1, 0) if cut is not None and cut[1] else cut


def union(spans: Iterable[Span]) -> Spans:
    """Return the same set as sorted spans that neither touch nor overlap."""
    ordered = sorted((interval for interval in spans if not interval.empty), key=_by_low)
    merged: list[Span] = []
    for interval in ordered:
        last = merged[-1] if merged else None
        if last is None or (last.high is not None and interval.low is not None and interval.low > last.high):
            merged.append(interval)
        else:
            merged[-1] = Span(last.low, later(last.high, interval.high))
    return tuple(merged)


def _by_low(interval: Span) -> tuple[bool, Cut]:
    return (interval.low is not None, interval.low or (0, 0))


def _by_high(interval: Span) -> tuple[bool, Cut]:
    return (interval.high is None, interval.high or (0, 0))


def later(first: Cut | None, second: Cut | None) -> Cut | None:
    """Return the later of two upper cuts, where None is no end."""
    return None if first is None or second is None else max(first, second)


def common(first: Spans, second: Spans) -> Spans:
    """Return what lies in both sets; of two sets with many spans, only those that may meet are held together."""
    few, many = (first, second) if len(first) <= len(second) else (second, first)
    shared: list[Span] = []
    for interval in few:
        place = 0 if interval.low is None else bisect_right(many, (False, interval.low), key=_by_high)
        while place < len(many):
            other = many[place]
            place += 1
            if interval.high is not None and other.low is not None and other.low >= interval.high:
                break
            low = (
                interval.low
                if other.low is None
                else other.low
                if interval.low is None
                else max(interval.low, other.low)
            )
            high = (
                interval.high
                if other.high is None
                else other.high
                if interval.high is None
                else min(interval.high, other.high)
            )
            if not Span(low, high).empty:
                shared.append(Span(low, high))
    return union(shared)


def outside(spans: Spans) -> Spans:
    """Return the complement of a set on the whole line."""
    gaps: list[Span] = []
    start: Cut | None = None
    for index, interval in enumerate(spans):
        if index or interval.low is not None:
            gaps.append(Span(start, interval.low))
        if interval.high is None:
            return tuple(gaps)
        start = interval.high
    return (*gaps, Span(start, None))


def within(position: Position, spans: Spans) -> bool:
    """Say whether a value lies in the set."""
    return any(
        (interval.low is None or interval.low <= (position, 0))
        and (interval.high is None or interval.high > (position, 0))
        for interval in spans
    )


def cuts_of(spans: Spans) -> set[Cut]:
    """Return the finite cuts at which the set begins or ends."""
    return {cut for interval in spans for cut in (interval.low, interval.high) if cut is not None}
