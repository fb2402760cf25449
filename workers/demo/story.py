"""What a demo's data tells: one customer from the question to the better score, and the dip in the North.

Read from the database as it is, so that every figure is the report's own. Changes nothing.
"""

from datetime import date, datetime, timedelta

import sqlalchemy as sa

from workers.demo import wishes
from workers.demo.shop import CARRIER_CHANGED, CARRIER_REPLACED, END, PARIS, START
from workers.domain.reporting import RECOVERY, Figures, Filters, Reading
from workers.domain.types import Band, DispatchState
from workers.store import tables as t
from workers.store.connection import Connection
from workers.store.report import figures as stored
from workers.usecases.report import sections
from workers.web.http.requests.tour import Dip, Followed, Span, Story

SEGMENT, TRIGGER, TOUCHPOINT = "north", "delivery", "delivery-now"
"""One touchpoint of one segment: the report never blends two."""
ON_THE_WAY = timedelta(days=14)
"""How long after the carrier was replaced its last parcels still arrived."""
ENOUGH_BETTER = 3
"""Points by which the second score is higher than the first, for a customer worth following."""
SAME_DAY = timedelta(hours=6)
WELL_ENDED = ("solved", "compensated", "explained")


def story(connection: Connection) -> Story:
    """Return what the start page tells."""
    return Story(followed(connection), dip(connection))


def followed(connection: Connection) -> Followed | None:
    """Return the customer of the North whose late parcel ended best; None in a demo too small to have one."""
    k, c, low, high = t.ticket.c, t.customer.c, t.response.alias("low"), t.response.alias("high")
    better = high.c.score - low.c.score
    joined = (
        t.ticket.join(t.customer, c.id == k.customer)
        .join(low, low.c.id == k.response)
        .join(high, sa.and_(high.c.customer == k.customer, high.c.trigger == RECOVERY))
    )
    query = (
        sa.select(
            t.ticket,
            c.crm_id,
            c.name,
            c.segment,
            c.language.label("spoken"),
            low.c.request.label("low_request"),
            low.c.answered_at.label("low_at"),
            low.c.score.label("low_score"),
            low.c.comment.label("low_comment"),
            high.c.request.label("high_request"),
            high.c.answered_at.label("high_at"),
            high.c.score.label("high_score"),
        )
        .select_from(joined)
        .where(
            k.trigger == TRIGGER,
            k.reopened == 0,
            k.outcome.in_(WELL_ENDED),
            k.first_contact_at.is_not(None),
            high.c.answered_at > k.done_at,
            better >= ENOUGH_BETTER,
            low.c.comment != "",
        )
        .order_by(c.segment != SEGMENT, better.desc(), low.c.score, k.number)
    )
    rows = connection.execute(query).mappings().all()
    for row in sorted(rows, key=lambda one: one["first_contact_at"] - one["opened_at"] > SAME_DAY):
        asked, done, again = (
            mail(connection, t.dispatch.c.request == row["low_request"], f"ask-{TRIGGER}"),
            mail(connection, t.dispatch.c.ticket == row["id"], "done"),
            mail(connection, t.dispatch.c.request == row["high_request"], "ask-recovery"),
        )
        if asked and done and again:
            return Followed(
                id=row["crm_id"],
                name=row["name"],
                language=row["spoken"] or "",
                segment=row["segment"],
                about=row["label"] or row["reference"],
                asked_at=asked[1],
                asked_mail=asked[0],
                answered_at=row["low_at"],
                score=row["low_score"],
                comment=row["low_comment"],
                ticket=row["number"],
                agent=row["owner"].capitalize(),
                called_after=row["first_contact_at"] - row["opened_at"],
                outcome=row["outcome"],
                done_mail=done[0],
                done_at=row["done_at"],
                again_at=row["high_at"],
                again_score=row["high_score"],
                again_mail=again[0],
            )
    return None


def mail(connection: Connection, condition: sa.ColumnElement[bool], template: str) -> tuple[str, datetime] | None:
    """Return the last mail of a template that left, and when."""
    d = t.dispatch.c
    query = sa.select(d.id, d.accepted_at).where(
        condition, d.template == template, d.state == DispatchState.ACCEPTED, d.accepted_at.is_not(None)
    )
    row = connection.execute(query.order_by(d.accepted_at.desc()).limit(1)).first()
    return (str(row.id), row.accepted_at) if row else None


def dip(connection: Connection) -> Dip | None:
    """Return the North before, while and after the new carrier brought its parcels; None when nobody answered."""
    first, last = CARRIER_CHANGED.date(), (CARRIER_REPLACED + ON_THE_WAY).date()
    day = timedelta(days=1)
    during = span(connection, first, last)
    if not during.n:
        return None
    theme = connection.execute(sa.select(t.theme.c.id).where(t.theme.c.name == wishes.LATE)).scalar()
    return Dip(
        segment=SEGMENT,
        touchpoint=TOUCHPOINT,
        before=span(connection, START.date(), first - day),
        during=during,
        after=span(connection, last + day, END.date()),
        elsewhere=span(connection, first, last, elsewhere=True),
        passives=passives(connection, theme or 0, first, last),
        theme=wishes.LATE,
        theme_number=theme or 0,
        told=told(connection, theme or 0),
    )


def span(connection: Connection, first: date, last: date, *, elsewhere: bool = False) -> Span:
    """Return the report's NPS right after deliveries asked about from one day to another, both included."""
    whose = {"without": SEGMENT} if elsewhere else {"segment": SEGMENT}
    filters = period(first, last, **whose)
    reading = Reading.of(sum((one.figures() for one in stored.answer_cells(connection, filters, [])), Figures()))
    return Span(first.isoformat(), last.isoformat(), reading.nps, reading.n)


def period(first: date, last: date, **whose: str) -> Filters:
    """Return the filters that the report's address has for the touchpoint, from one day to another, both included."""
    since = datetime.combine(first, datetime.min.time(), PARIS)
    until = datetime.combine(last + timedelta(days=1), datetime.min.time(), PARIS)
    return Filters(since, until, touchpoint=TOUCHPOINT, **whose)


def told(connection: Connection, theme: int) -> int:
    """Return how many who had asked for what a theme names were told that it is done."""
    joined = t.told.join(t.initiative, t.initiative.c.id == t.told.c.initiative)
    query = sa.select(sa.func.count()).select_from(joined).where(t.initiative.c.theme == theme)
    return int(connection.execute(query).scalar_one())


def passives(connection: Connection, theme: int, first: date, last: date) -> int:
    """Return how many passives of the North said the same in those weeks, as the report lists them."""
    picks = {sections.Pick.THEME: str(theme), sections.Pick.BAND: Band.PASSIVE.value}
    n, _ = sections.answers(connection, period(first, last, segment=SEGMENT), picks, length=0)
    return n
