"""What rule tables decided and on what: stored decisions, journeys and stops, and the tables that were live.

Reads for explain, backtest and history. A person stands here under the CRM's id, or as erased. Writes nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain import invariants
from workers.domain.types import RECURRENCE, DecisionState
from workers.store import tables as t
from workers.store.counts import running_counts
from workers.store.plan_numbers import in_full
from workers.store.read import is_id

if TYPE_CHECKING:
    from workers.decision_table.trials.installation import Disagreed

AT_ONCE = 5_000  # rows fetched in one go
WENT_LIVE = "rules.live"
"""The act of the audit log that says from when a version of a table was in use."""


@dataclass(frozen=True, slots=True)
class PastDecision:
    """The current decision of a response, with what it was taken on."""

    response: str
    customer: str
    answered_at: datetime
    version: str
    rule: str
    inputs: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class PastJourney:
    """A journey as its earliest event began it: `event` names that as source/id."""

    customer: str
    trigger: str
    reference: str
    anchor_at: datetime
    event: str
    began: str
    delivery_expected: bool | None
    months: int | None


@dataclass(frozen=True, slots=True)
class PastTouchpoint:
    """A touchpoint that another event than its journey's planned, with the row that did so."""

    customer: str
    journey: str
    step: str
    reference: str
    anchor_at: datetime
    rule: str
    version: str


@dataclass(frozen=True, slots=True)
class PastStop:
    """A contrary event: what happened to whom, about what, from when on."""

    customer: str
    cause: str
    reference: str
    from_at: datetime
    event: str


@dataclass(frozen=True, slots=True)
class LiveSince:
    """A version of a table, with its content, and when it came into use."""

    at: datetime
    version: str
    content: str


def decisions(connection: Connection, since: datetime | None) -> Iterator[PastDecision]:
    """Give the current decisions of responses answered since then, oldest first."""
    r = t.response.c
    query = decided().order_by(r.answered_at, r.id)
    if since is not None:
        query = query.where(r.answered_at >= since)
    for row in connection.execution_options(yield_per=AT_ONCE).execute(query):
        yield PastDecision(*row)


SLICES = 50
"""Equal lengths of time that a sample of answers is taken from."""


def sampled_decisions(connection: Connection, most: int) -> list[PastDecision]:
    """Return at most so many current decisions: all, or as many of each length of time between first answer and last.

    Goes by the index of answers, so that it costs what it returns, whatever there is.
    """
    r = t.response.c
    first, last = (
        connection.execute(sa.select(end(r.answered_at))).scalar() for end in (sa.func.min, sa.func.max)
    )  # one by one: SQLite looks up the two ends of an index, but not both at once
    if first is None or last is None:
        return []
    order = (r.answered_at, r.id)
    current = running_counts.by_state(connection, ("decisions",))["decisions"].get(DecisionState.CURRENT, 0)
    if current <= most:
        return [PastDecision(*row) for row in connection.execute(decided().order_by(*order).limit(most))]
    begins = [first + (last - first) / SLICES * n for n in range(SLICES)]
    ends = [*begins[1:], None]
    sampled: list[PastDecision] = []
    for begin, end in zip(begins, ends, strict=True):
        query = decided().where(r.answered_at >= begin, *([r.answered_at < end] if end else []))
        rows = connection.execute(query.order_by(*order).limit(most // SLICES))
        sampled += (PastDecision(*row) for row in rows)
    return sampled


def decision_of(connection: Connection, response: str) -> PastDecision | None:
    """Return the current decision of a response; None where it has none yet, or is unknown."""
    if not is_id(response):
        return None
    row = connection.execute(decided().where(t.decision.c.response == response)).first()
    return PastDecision(*row) if row else None


def decided() -> sa.Select[Any]:
    """Return the statement that reads current decisions with their responses."""
    d, r = t.decision.c, t.response.c
    return (
        sa.select(d.response, whose(d.customer), r.answered_at, d.version, d.rule, d.inputs)
        .join(t.response, r.id == d.response)
        .outerjoin(t.customer, t.customer.c.id == d.customer)
        .where(d.state == DecisionState.CURRENT)
    )


def journeys(connection: Connection, since: datetime | None) -> Iterator[PastJourney]:
    """Give the journeys that began since then, oldest first."""
    j = t.journey.c
    query = sa.select(
        whose(j.customer), j.trigger, j.reference, j.anchor_at, j.event, j.began, j.delivery_expected, j.months
    )
    query = query.outerjoin(t.customer, t.customer.c.id == j.customer).order_by(j.anchor_at, j.id)
    query = query.where(j.trigger != RECURRENCE)  # no event began it
    if since is not None:
        query = query.where(j.anchor_at >= since)
    for row in connection.execution_options(yield_per=AT_ONCE).execute(query):
        yield PastJourney(*row)


def later_touchpoints(connection: Connection, since: datetime | None) -> Iterator[PastTouchpoint]:
    """Give touchpoints that a later event planned into a known journey, as milestones that a CRM sends do."""
    p, j = t.touchpoint.c, t.journey.c
    query = (
        sa.select(whose(p.customer), p.journey, p.step, p.reference, p.anchor_at, p.rule, in_full(p.plan_version))
        .join(t.journey, j.id == p.journey)
        .outerjoin(t.customer, t.customer.c.id == p.customer)
        .where(p.anchor_at != j.anchor_at, j.trigger != RECURRENCE)
        .order_by(p.anchor_at, p.journey, p.step)
    )
    if since is not None:
        query = query.where(p.anchor_at >= since)
    for row in connection.execution_options(yield_per=AT_ONCE).execute(query):
        yield PastTouchpoint(*row)


def disagreements(connection: Connection, since: datetime | None) -> "list[Disagreed]":
    """Return on what candidates disagreed, the most frequent kind of each candidate first."""
    s = t.shadow.c
    kind = (s.name, s.candidate, s.rules, s.candidate_rules, s.outcome, s.candidate_outcome)
    query = sa.select(*kind, sa.func.count().label("n"), sa.func.max(s.at)).group_by(*kind)
    query = query.order_by(s.name, s.candidate, sa.desc("n"), s.rules, s.candidate_rules)
    if since is not None:
        query = query.where(s.at >= since)
    from workers.decision_table.trials.installation import Disagreed

    return [Disagreed(*row) for row in connection.execute(query)]


def disagreed(connection: Connection, candidate: str) -> int:
    """Count the decisions on which a candidate, by version, differed from the table in use."""
    query = sa.select(sa.func.count()).select_from(t.shadow).where(t.shadow.c.candidate == candidate)
    return int(connection.execute(query).scalar_one())


def stops(connection: Connection, since: datetime | None) -> Iterator[PastStop]:
    """Give the contrary events since then, oldest first."""
    s = t.stop.c
    query = sa.select(whose(s.customer), s.cause, s.reference, s.from_at, s.event)
    query = query.outerjoin(t.customer, t.customer.c.id == s.customer).order_by(s.from_at, s.id)
    if since is not None:
        query = query.where(s.from_at >= since)
    for row in connection.execution_options(yield_per=AT_ONCE).execute(query):
        yield PastStop(*row)


def whose(customer: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """Return the CRM's id of a customer; of an erased one our own key, so that people stay apart."""
    unlinked = sa.literal(f"{invariants.ERASED} ") + sa.cast(customer, sa.Text())
    return sa.func.coalesce(t.customer.c.crm_id, unlinked)


def content_of(connection: Connection, version: str) -> str | None:
    """Return the content of a table that was live, by its version."""
    return connection.execute(sa.select(t.rule_table.c.content).where(t.rule_table.c.version == version)).scalar()


def live_versions(connection: Connection, name: str) -> list[LiveSince]:
    """Return the versions of a table that have been live, latest first; one that came back stands twice.

    The table says since when each was first; what was taken over later stands in the audit log.
    """
    table, a = t.rule_table.c, t.audit.c
    stored = {
        str(version): (str(content), at)
        for version, content, at in connection.execute(
            sa.select(table.version, table.content, table.live_from).where(table.name == name)
        )
    }
    acts = connection.execute(sa.select(a.at, a.id, a.detail).where(a.act == WENT_LIVE, a.subject == name))
    act_ids = {(at, str(detail.get("version"))): number for at, number, detail in acts}
    first = {(at, version): 0 for version, (_, at) in stored.items()}
    ordered = sorted(({**first, **act_ids}).items(), key=lambda item: (item[0][0], item[1], item[0][1]), reverse=True)
    return [LiveSince(at, version, stored[version][0]) for (at, version), _ in ordered if version in stored]
