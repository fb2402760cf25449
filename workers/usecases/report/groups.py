"""Groups: the answers that a report is about, set side by side by what is known of the customer or asked of them.

One dimension or two at once; where customers are told apart twice, small groups are hidden as in the terminal's report.
A declared attribute that is personal is never offered. Reads only.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from workers.domain.attributes import Attribute
from workers.domain.customer_inputs import COMPUTED
from workers.domain.reporting import Dimension, Figures, Filters, Reading
from workers.store.connection import Connection
from workers.store.report.dimensions import BETWEEN
from workers.store.report.nps_counts import count_scores
from workers.usecases.report.nps_by_dimension import FEWEST, small_groups, summed

__all__ = ["BETWEEN", "FEWEST", "Group", "Groups", "dimensions_offered", "groups"]
WORDS = ("trigger", "touchpoint", "segment", "language", *COMPUTED)
"""What every report can be set side by side by; months have a chart of their own."""


@dataclass(frozen=True, slots=True)
class Group:
    """One group as it may be shown: a mixture of several touchpoints has counts and no score.

    `touchpoints` has each of a mixture by itself, where customers are told apart only once.
    """

    name: str
    reading: Reading
    mixed: bool
    touchpoints: tuple[tuple[str, Reading], ...] = ()


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups by name, how many are hidden, and how many answers those have together."""

    shown: tuple[Group, ...] = ()
    hidden: int = 0
    hidden_answers: int = 0


def dimensions_offered(attributes: Mapping[str, Attribute]) -> dict[str, Dimension]:
    """Return by name what the report's pages can set side by side by: no attribute that is personal."""
    offered = {name: Dimension(name) for name in WORDS}
    return offered | {name: Dimension(name, given) for name, given in attributes.items() if not given.personal}


def groups(connection: Connection, filters: Filters) -> Groups:
    """Return the groups of the answers that the filters choose, recovery left out; none without a dimension."""
    if not filters.by:
        return Groups()
    declared = {dimension.name: dimension.attribute for dimension in filters.by if dimension.attribute is not None}
    counted = count_scores(connection, filters, [dimension.name for dimension in filters.by], [], declared)
    every = {(name, step): figures for (recovery, name, step), figures in counted.items() if not recovery}
    names = sorted({name for name, _ in every})
    narrow = told_apart(filters) > 1
    hidden = small_groups(every, names) if narrow else set()
    return Groups(
        tuple(group(every, name, beside=not narrow) for name in names if name not in hidden),
        len(hidden),
        summed(every, hidden).counts().n,
    )


def told_apart(filters: Filters) -> int:
    """Return by how many things customers are told apart: dimensions, and filters that choose some of them."""
    return len(filters.by) + sum(bool(word) for word in (filters.segment, filters.without, filters.language))


def group(every: Mapping[tuple[str, str], Figures], name: str, *, beside: bool) -> Group:
    """Return one group, with its touchpoints beside it if wanted."""
    steps = {step: figures for (of, step), figures in sorted(every.items()) if of == name}
    whole = summed(every, [name])
    if sum(bool(figures.counts().n) for figures in steps.values()) < 2:
        return Group(name, Reading.of(whole), mixed=False)
    touchpoints = tuple((step, Reading.of(figures)) for step, figures in steps.items()) if beside else ()
    return Group(name, Reading(whole, whole.counts().n, None, None, None, ""), mixed=True, touchpoints=touchpoints)
