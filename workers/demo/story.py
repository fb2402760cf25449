"""What a demo's data tells: one customer from the question to the better score, the dip in the North, other channels.

Read from the database as it is, so that every figure is the report's own. Changes nothing.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta

from workers.demo import wishes
from workers.demo.shop import CARRIER_CHANGED, CARRIER_REPLACED, END, PARIS, START
from workers.domain.records import Ticket
from workers.domain.reporting import Filters, Reading
from workers.domain.types import Band
from workers.store.connection import Connection
from workers.store.demo.story import (
    count_accounts,
    count_at_places,
    count_to_read,
    count_told_of,
    last_mail,
    list_recovered,
    texter,
    theme_called,
    visitor,
)
from workers.usecases.report import sections
from workers.web.http.requests.tour import Answered, Dip, Elsewhere, Followed, Span, Story

SEGMENT, TRIGGER, TOUCHPOINT = "north", "delivery", "delivery-now"
"""One touchpoint of one segment: the report never blends two."""
ON_THE_WAY = timedelta(days=14)
"""How long after the carrier was replaced its last parcels still arrived."""
ENOUGH_BETTER = 3
"""Points by which the second score is higher than the first, for a customer worth following."""
SAME_DAY = timedelta(hours=6)
WELL_ENDED = ("solved", "compensated", "explained")


def story(connection: Connection) -> Story:
    """Look up the stories of the start page: a customer won back, the dip in the North, who was asked elsewhere."""
    return Story(followed(connection), dip(connection), elsewhere(connection))


def elsewhere(connection: Connection) -> Elsewhere | None:
    """Return who answered by SMS and on the shop's site; None in a demo too small to have either."""
    by_sms, on_site = texter(connection), visitor(connection)
    if by_sms is None and on_site is None:
        return None
    at_places, accounts = count_at_places(connection), count_accounts(connection)
    return Elsewhere(answered(by_sms), count_to_read(connection), answered(on_site), at_places, accounts)


def answered(row: tuple[str, str, str | None, int, str] | None) -> Answered | None:
    """Return somebody as the start page tells of them."""
    if row is None:
        return None
    id, name, language, score, words = row
    return Answered(id, name, language or "", score, words)


def followed(connection: Connection) -> Followed | None:
    """Return the customer of the North whose late parcel ended best; None in a demo too small to have one."""
    recoveries = list_recovered(connection, TRIGGER, SEGMENT, outcomes=WELL_ENDED, better_by=ENOUGH_BETTER)
    for recovered in sorted(recoveries, key=lambda recovered: called_after(recovered.ticket) > SAME_DAY):
        ticket = recovered.ticket
        asked, done, again = (
            last_mail(connection, f"ask-{TRIGGER}", request=recovered.low_request),
            last_mail(connection, "done", ticket=ticket.id),
            last_mail(connection, "ask-recovery", request=recovered.high_request),
        )
        if asked and done and again and ticket.done_at:
            return Followed(
                id=recovered.crm_id,
                name=recovered.name,
                language=recovered.language or "",
                segment=recovered.segment,
                about=ticket.label or ticket.reference,
                asked_at=asked[1],
                asked_mail=asked[0],
                answered_at=recovered.low_at,
                score=recovered.low_score,
                comment=recovered.low_comment,
                ticket=ticket.number,
                agent=ticket.owner.capitalize(),
                called_after=called_after(ticket),
                outcome=ticket.outcome,
                done_mail=done[0],
                done_at=ticket.done_at,
                again_at=recovered.high_at,
                again_score=recovered.high_score,
                again_mail=again[0],
            )
    return None


def called_after(ticket: Ticket) -> timedelta:
    """Return how long a customer waited for the first contact; for ever, where there was none."""
    return ticket.first_contact_at - ticket.opened_at if ticket.first_contact_at else timedelta.max


def dip(connection: Connection) -> Dip | None:
    """Return the North before, while and after the new carrier brought its parcels; None when nobody answered."""
    first, last = CARRIER_CHANGED.date(), (CARRIER_REPLACED + ON_THE_WAY).date()
    day = timedelta(days=1)
    during = span(connection, first, last)
    if not during.n:
        return None
    theme = theme_called(connection, wishes.LATE)
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
        people_told=count_told_of(connection, theme or 0),
    )


def span(connection: Connection, first: date, last: date, *, elsewhere: bool = False) -> Span:
    """Return the report's NPS right after deliveries asked about from one day to another, both included."""
    whole = period(first, last)
    filters = replace(whole, without=SEGMENT) if elsewhere else replace(whole, segment=SEGMENT)
    reading = Reading.of(sections.figures_of(connection, filters))
    return Span(first.isoformat(), last.isoformat(), reading.nps, reading.n)


def period(first: date, last: date) -> Filters:
    """Return the filters that the report's address has for the touchpoint, from one day to another, both included."""
    since = datetime.combine(first, datetime.min.time(), PARIS)
    until = datetime.combine(last + timedelta(days=1), datetime.min.time(), PARIS)
    return Filters(since, until, touchpoint=TOUCHPOINT)


def passives(connection: Connection, theme: int, first: date, last: date) -> int:
    """Return how many passives of the North said the same in those weeks, as the report lists them."""
    picks = {sections.Pick.THEME: str(theme), sections.Pick.BAND: Band.PASSIVE.value}
    n, _ = sections.answers(connection, replace(period(first, last), segment=SEGMENT), picks, length=0)
    return n
