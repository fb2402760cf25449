"""What is computed of a customer, as columns to count by: as it was when the question was asked, in bands.

The same words as the inputs of the tables (domain/customer_inputs.py), and a test holds both against each other.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.decision_table.model.journey_events import STARTS
from workers.domain.customer_inputs import LATELY, LOYAL_AFTER, NO_BAND, ONBOARDING, ONBOARDING_LASTS, ORDERS
from workers.domain.reporting import NONE
from workers.domain.types import Effect
from workers.store import tables as t
from workers.store.report.figures import C, Column
from workers.store.tables.columns import Instant

FAR = "9999-12-31T00:00:00+00:00"
"""Stands for what never happened, after everything that did."""
SECONDS_A_DAY = 86_400
TINY = 1e-6
"""Days: less than any difference that counts, more than what a number of days loses on the way."""
TENURES = ((90, "under-90d"), (365, "90d-to-1y"), (730, "1y-to-2y"))
FROM_TENURE = "from-2y"
SINCE_ANSWER = ((30, "under-30d"), (90, "30d-to-90d"), (365, "90d-to-1y"))
FROM_SINCE = "from-1y"
ORDER_BANDS = ((1, "0"), (2, "1"), (5, "2-4"), (10, "5-9"))
FROM_ORDERS = "10+"


def days_between(connection: Connection, since: Column, until: Column) -> Column:
    """Return the days from one instant to another, with their fractions; what is no instant is no number."""
    if connection.dialect.name == "postgresql":
        seconds = sa.extract("epoch", until) - sa.extract("epoch", since)
        return sa.cast(seconds, sa.Float()) / SECONDS_A_DAY
    return sa.func.julianday(until, type_=sa.Float()) - sa.func.julianday(since, type_=sa.Float()) + TINY


def first_of(connection: Connection, names: tuple[str, ...]) -> Column:
    """Return when the first event of some names was; FAR where there was none."""
    texts = [sa.func.coalesce(C.firsts[name].as_string(), FAR) for name in names]
    if connection.dialect.name == "postgresql":
        instants = [sa.cast(text, Instant()) for text in texts]
        return sa.func.least(*instants) if len(instants) > 1 else instants[0]
    return sa.func.min(*texts) if len(texts) > 1 else texts[0]


def banded(number: Column, bands: tuple[tuple[int, str], ...], above: str) -> Column:
    """Return the band of a number, each band up to its bound; nothing below zero, and of nothing."""
    return sa.case((number < 0, sa.null()), *((number < bound, name) for bound, name in bands), (number >= 0, above))


def tenure(connection: Connection, at: Column) -> Column:
    """Return how long somebody had been a customer."""
    return banded(days_between(connection, first_of(connection, tuple(sorted(STARTS))), at), TENURES, FROM_TENURE)


def orders(connection: Connection, at: Column) -> Column:
    """Return how many things had been bought that were not undone since, each reference once."""
    j, s = t.journey.alias("bought").c, t.stop.alias("undone").c
    undone = sa.exists().where(
        s.customer == C.id, s.reference == j.reference, s.effect == Effect.CANCEL, s.scope != "customer"
    )
    bought = sa.func.coalesce(sa.func.nullif(j.began, ""), j.trigger).in_(ORDERS)
    n = sa.select(sa.func.count(j.reference.distinct())).where(
        j.customer == C.id, bought, j.reference != "", j.anchor_at <= at, ~undone.correlate_except(s.customer.table)
    )
    return banded(n.correlate_except(j.customer.table).scalar_subquery(), ORDER_BANDS, FROM_ORDERS)


def last_band(connection: Connection, at: Column) -> Column:
    """Return the band of the NPS answer before."""
    r = t.response.alias("before").c
    earlier = sa.select(sa.cast(r.band, sa.Text())).where(r.customer == C.id, r.answered_at < at, r.question.is_(None))
    latest = earlier.order_by(r.answered_at.desc(), r.id.desc()).limit(1).correlate_except(r.id.table)
    return sa.func.coalesce(latest.scalar_subquery(), NO_BAND)


def since_answer(connection: Connection, at: Column) -> Column:
    """Return how long ago somebody had answered last, whatever the question."""
    r = t.response.alias("before").c
    last = sa.select(sa.func.max(r.answered_at)).where(r.customer == C.id, r.answered_at < at)
    answered = last.correlate_except(r.id.table).scalar_subquery()
    return banded(days_between(connection, answered, at), SINCE_ANSWER, FROM_SINCE)


def phase(connection: Connection, at: Column) -> Column:
    """Return where in the relationship somebody was: the first that holds."""
    begun = days_between(connection, first_of(connection, tuple(ONBOARDING)), at)
    finished = days_between(connection, first_of(connection, ("onboarding_finished",)), at)
    j = t.journey.alias("used").c
    ago = days_between(connection, j.anchor_at, at)
    used = sa.exists().where(j.customer == C.id, j.began == "feature_first_used", ago >= 0, ago < days_of(LATELY))
    start = days_between(connection, first_of(connection, tuple(sorted(STARTS))), at)
    onboarding = sa.and_(begun >= 0, begun < days_of(ONBOARDING_LASTS), finished < 0)
    return sa.case(
        (onboarding, "onboarding"),
        (used.correlate_except(j.customer.table), "new_feature"),
        (start < 0, sa.null()),
        (start >= days_of(LOYAL_AFTER), "loyal"),
        else_="established",
    )


def days_of(length: timedelta) -> int:
    """Return a length in days."""
    return length.days


COMPUTED_COLUMNS: Mapping[str, Callable[[Connection, Column], Column]] = MappingProxyType(
    {"tenure": tenure, "orders": orders, "last_band": last_band, "since_answer": since_answer, "phase": phase}
)
"""By name, as the tables call them."""


def computed_column(connection: Connection, name: str, at: Column) -> Column:
    """Return one of them as it was at an instant, over rows with their customer; what is unknown says so."""
    return sa.func.coalesce(COMPUTED_COLUMNS[name](connection, at), NONE)
