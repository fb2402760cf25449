"""The SELECTs behind the sums of the books: the counts that must add up. Writes nothing.

The rows that two runs must share stand in `compared_rows`.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain import invariants
from workers.domain.places.claims import TEMPLATE as CLAIM_MAIL
from workers.domain.places.claims import Claim
from workers.domain.reporting.drivers import PARTS, DriverCell, contributions
from workers.domain.reporting.scales import RATED, SCALES
from workers.domain.ticket.outcomes import NEWS, PASSED_ON, TOLD, TOLD_OTHER, UNTOLD_OTHER
from workers.domain.types import (
    ACCOUNT,
    CONTACTS,
    MAIL,
    RECURRENCE,
    WEB,
    ActionState,
    Band,
    DispatchState,
    QuestionKind,
    Reason,
    ReplyUse,
    ResponseState,
    TestimonialState,
    TextState,
    TicketState,
    TouchpointState,
)
from workers.store import tables as t
from workers.store.counts import report_cells, running_counts
from workers.store.counts.site_counts import tally_sites


def text(column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """Return a word as the text it is stored as, so that one nobody knows is counted instead of refused."""
    return sa.type_coerce(column, sa.String())


def states(connection: Connection) -> dict[str, dict[str, int]]:
    """Return how many rows of every group are in each state, 0 where none is, as the running counts have it."""
    counted = running_counts.by_state(connection, running_counts.GROUPS)
    counts = {
        group: {str(state): counted[group].get(state, 0) for state in words}
        for group, words in invariants.GROUPS.items()
    }
    return {**counts, "events": {"accepted": counted["events"].get("", 0)}}


def tallies(connection: Connection) -> dict[str, int]:
    """Return every count that a sum of the books names; the database counts, whatever the running counts say."""
    tally: dict[str, int] = {}
    cells = running_counts.count_everything(connection)
    counted = running_counts.summed(cells)
    for group, words in invariants.GROUPS.items():
        states = counted.get(group, {})
        tally[group] = sum(states.values())
        tally |= {f"{group}.{state}": states.get(state, 0) for state in words}
    kept = running_counts.cells(connection, running_counts.GROUPS)
    tally["counts.right"], tally["counts.rows"] = running_counts.agreement(kept, cells)
    tally["report.right"], tally["report.cells"] = report_cells.agreement(connection)
    tally["drivers.parts"] = sum(driver.parts for driver in contributions(choices(connection)))
    for name, statement in COUNTED.items():
        tally[name] = int(connection.execute(statement).scalar() or 0)
    return tally | tally_sites(connection)


def events() -> dict[str, sa.Select[int]]:
    """Return the counts of what came in.

    The inbox forgets its oldest batches (30 days, or emptied by hand), so accepted events are held against it from the
    batch after the oldest one that it still has.
    """
    oldest = sa.select(sa.func.min(t.inbox.c.received_at)).scalar_subquery()
    r = t.received.c
    return {
        "received.events": sa.select(sa.func.sum(r.events)),
        "received.accepted": sa.select(sa.func.sum(r.accepted)),
        "received.duplicates": sa.select(sa.func.sum(r.duplicates)),
        "received.dead_letters": sa.select(sa.func.sum(r.dead_letters)),
        "accepted.counted": sa.select(sa.func.sum(r.accepted)).where(r.at > oldest),
        "accepted.kept": sa.select(sa.func.count()).select_from(t.inbox).where(t.inbox.c.received_at > oldest),
    }


def requests() -> dict[str, sa.Select[int]]:
    """Return the counts of touchpoints and survey requests."""
    unasked = t.touchpoint.c.state.in_((TouchpointState.HELD, TouchpointState.SKIPPED, TouchpointState.CANCELLED))
    r, d = t.survey_request.c, t.dispatch.c
    p, c = t.touchpoint.c, t.customer.c
    by_law = sa.and_(text(p.state) == "held", p.reason.in_((Reason.NEEDS_CONSENT, Reason.NEEDS_NOTICE)))
    without_proof = sa.exists().where(
        c.id == p.customer,
        c.survey_consent.is_not(True),
        sa.or_(p.reason == Reason.NEEDS_CONSENT, c.survey_notice_given.is_not(True), c.survey_consent.is_(False)),
    )
    by_mail, on_web = r.channel == MAIL, r.channel == WEB
    unanswered = text(r.state).in_(("open", "expired", "withdrawn", "undeliverable"))
    surveys = (
        sa.select(d.request)
        .join(t.survey_request, sa.and_(r.id == d.request, r.template == d.template))
        .where(d.response.is_(None), d.kind == "mail")
    )
    return {
        "touchpoints.unasked": counted(t.touchpoint, unasked),
        "touchpoints.explained": counted(t.touchpoint, unasked, t.touchpoint.c.reason != ""),
        "touchpoints.held_by_law": counted(t.touchpoint, by_law),
        "touchpoints.without_proof": counted(t.touchpoint, by_law, without_proof),
        "requests.on_web": counted(t.survey_request, on_web),
        "requests.web_unanswered": counted(t.survey_request, on_web, unanswered),
        "responses.on_web": counted(t.response, t.response.c.request.in_(sa.select(r.id).where(on_web))),
        "requests.by_mail": counted(t.survey_request, by_mail),
        "requests.worded": counted(
            t.survey_request, sa.or_(r.wording.is_(None), r.wording.in_(sa.select(t.wording.c.id)))
        ),
        "requests.mailed_once": counted(t.survey_request, by_mail, r.id.in_(once(surveys, d.request))),
        **reminders(),
        **turns(),
        **waiting_for_support(),
    }


def waiting_for_support() -> dict[str, sa.Select[int]]:
    """Return how many questions wait for support, and how many of those were due and not over when they began to."""
    p = t.touchpoint.c
    waits = sa.and_(p.reason == Reason.SUPPORT_BUSY, p.state.in_((TouchpointState.PLANNED, TouchpointState.HELD)))
    in_time = sa.and_(p.state == TouchpointState.PLANNED, p.due_at <= p.changed_at, p.changed_at < p.give_up_at)
    return {
        "touchpoints.waiting_for_support": counted(t.touchpoint, waits),
        "touchpoints.due_in_time": counted(t.touchpoint, waits, in_time),
    }


def turns() -> dict[str, sa.Select[int]]:
    """Return how many questions wait that come round, and for how many customers and questions one of them does."""
    p, j = t.touchpoint.c, t.journey.c
    of_turns = sa.and_(j.id == p.journey, j.customer == p.customer, j.trigger == RECURRENCE, j.began == RECURRENCE)
    waits = p.state.in_((TouchpointState.PLANNED, TouchpointState.HELD))
    waiting = sa.select(p.customer, p.trigger, p.step).join_from(t.touchpoint, t.journey, of_turns).where(waits)
    return {
        "turns.waiting": sa.select(sa.func.count()).select_from(waiting.subquery()),
        "turns.alone": sa.select(sa.func.count()).select_from(waiting.distinct().subquery()),
    }


def reminders() -> dict[str, sa.Select[int]]:
    """Return how many reminders the plan wanted of the questions asked by mail, and what became of those made."""
    p, r, d = t.touchpoint.c, t.survey_request.c, t.dispatch.c
    is_reminder = (d.template == "reminder", d.kind == "mail", d.request.is_not(None))
    asked = sa.and_(r.journey == p.journey, r.step == p.step, r.channel == MAIL)
    waiting = text(d.state).in_((DispatchState.READY, DispatchState.LEASED, DispatchState.SENDING))
    return {
        "reminders.planned": sa.select(sa.func.sum(words(p.reminder))).join_from(t.touchpoint, t.survey_request, asked),
        "reminders.left": counted(t.dispatch, *is_reminder, d.state == DispatchState.ACCEPTED),
        "reminders.waiting": counted(t.dispatch, *is_reminder, waiting),
        "reminders.withdrawn": counted(t.dispatch, *is_reminder, d.state == DispatchState.CANCELLED),
        "reminders.not_taken": counted(
            t.dispatch, *is_reminder, ~waiting, text(d.state).not_in((DispatchState.ACCEPTED, DispatchState.CANCELLED))
        ),
    }


def counted(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.Select[int]:
    """Return the statement that counts the rows of a table that meet the conditions."""
    return sa.select(sa.func.count()).select_from(table).where(*conditions)


def once(rows: sa.Select[Any], column: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Return the values that a column has exactly once; counted in one pass, because not every column has an index."""
    return rows.group_by(column).having(sa.func.count() == 1)


def responses() -> dict[str, sa.Select[int]]:
    """Return the counts of responses, their revisions and decisions."""
    last, score = t.response_revision, t.response.c.score
    settled = t.response.c.state.in_((ResponseState.DECIDED, ResponseState.CLOSED))
    current = sa.exists().where(t.decision.c.response == t.response.c.id, text(t.decision.c.state) == "current")
    of_nps, asked = t.response.c.question.is_(None), t.survey_request.c
    same = sa.func.coalesce(asked.question, "") == sa.func.coalesce(t.response.c.question, "")
    return {
        "responses.of_nps": counted(t.response, of_nps),
        "responses.with_band": counted(t.response, t.response.c.band.in_(list(Band))),
        "responses.rated": counted(t.response, ~of_nps),
        "responses.on_scale": counted(t.response, t.response.c.band == "", sa.or_(*map(on_scale, RATED))),
        "responses.of_what_was_asked": sa.select(sa.func.count()).select_from(
            t.response.join(t.survey_request, sa.and_(asked.id == t.response.c.request, same))
        ),
        "responses.to_request": counted(t.response, t.response.c.request.is_not(None)),
        "responses.at_places": counted(t.response, t.response.c.place.is_not(None)),
        "places.answers": counted(t.place_answer),
        "places.apart": counted(t.place_answer, t.place_answer.c.held != ""),
        "places.addresses": counted(t.place_answer, t.place_answer.c.claim.is_not(None)),
        **{f"places.{claim}": counted(t.place_answer, t.place_answer.c.claim == claim.value) for claim in Claim},
        "mails.claims": counted(t.dispatch, t.dispatch.c.template == CLAIM_MAIL),
        "responses.versions": sa.select(sa.func.sum(t.response.c.n)),
        "revisions": counted(t.response_revision),
        "responses.points": sa.select(sa.func.sum(sa.case((score >= 9, PARTS), (score <= 6, -PARTS), else_=0))).where(
            of_nps
        ),
        "responses.drivers": sa.select(sa.func.sum(words(t.response.c.drivers))),
        "revisions.drivers": sa.select(sa.func.sum(words(last.c.drivers))).join_from(
            last, t.response, sa.and_(t.response.c.id == last.c.response, t.response.c.n == last.c.n)
        ),
        "responses.with_decision": sa.select(sa.func.count(sa.distinct(t.decision.c.response))),
        "responses.settled": counted(t.response, settled),
        "responses.settled_with_current": counted(t.response, settled, current),
    }


def on_scale(kind: QuestionKind) -> sa.ColumnElement[bool]:
    """Return the condition of an answer to a kind of question that is on its scale."""
    r, scale = t.response.c, SCALES[kind]
    return sa.and_(r.question == kind.value, r.score.between(scale.lowest, scale.highest))


def choices(connection: Connection) -> list[DriverCell]:
    """Return every answer to an NPS question by what it names as the reason and by band."""
    r = t.response.c
    query = sa.select(r.drivers, r.band, sa.func.count()).where(r.question.is_(None)).group_by(r.drivers, r.band)
    return [DriverCell("", "", "", drivers or "", band, int(n)) for drivers, band, n in connection.execute(query)]


def words(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """Return how many words a text has that keeps them with one space between, such as drivers or reminders."""
    spaces = sa.func.length(column) - sa.func.length(sa.func.replace(column, " ", ""))
    return sa.case((sa.func.coalesce(column, "") == "", 0), else_=spaces + 1)


def actions() -> dict[str, sa.Select[int]]:
    """Return the counts of actions, and of what they led to."""
    a = t.action.c
    undone = a.state.in_((ActionState.HELD, ActionState.SKIPPED, ActionState.CANCELLED, ActionState.FAILED))
    done, held = a.state == ActionState.DONE, a.state == ActionState.HELD
    with_ticket = sa.exists().where(t.ticket.c.id == a.ticket)
    contact = a.name.in_(sorted(CONTACTS))
    mails = sa.select(t.dispatch.c.action).where(t.dispatch.c.action.is_not(None))
    itself = a.reason != Reason.ALREADY_DONE  # else the decision before had sent the mail
    asked = (done, a.name == "testimonial_request", a.reason != Reason.FELL_BACK, itself)
    settled = t.testimonial.c.state.in_(
        (TestimonialState.CONSENTED, TestimonialState.REFUSED, TestimonialState.WITHDRAWN)
    )
    return {
        "actions.undone": counted(t.action, undone),
        "actions.explained": counted(t.action, undone, a.reason != ""),
        "actions.mail_done": counted(t.action, done, ~contact, itself),
        "actions.mailed_once": counted(t.action, done, ~contact, itself, a.id.in_(once(mails, t.dispatch.c.action))),
        "actions.contact_done": counted(t.action, done, contact),
        "actions.with_ticket": counted(t.action, done, contact, with_ticket),
        "actions.contact_held": counted(t.action, held, contact),
        "actions.held_with_ticket": counted(t.action, held, contact, with_ticket),
        "contacts.mails": counted(t.dispatch, sa.exists().where(a.id == t.dispatch.c.action, contact)),
        "actions.told_once": counted(t.action, done, contact, a.id.in_(once(mails, t.dispatch.c.action))),
        "actions.testimonial_done": counted(t.action, *asked),
        "testimonials.settled": counted(t.testimonial, settled),
        "testimonials.recorded": counted(
            t.testimonial, settled, sa.exists().where(t.consent.c.testimonial == t.testimonial.c.id)
        ),
    }


def texts() -> dict[str, sa.Select[int]]:
    """Return the counts of dialogues by SMS, their messages and the replies; what was erased has no text left."""
    m, r, d = t.sms_message.c, t.sms_reply.c, t.sms_dialogue
    questions = sa.select(m.dialogue).where(m.message.in_(("question", "link")))
    erased = sa.exists().where(t.customer.c.id == m.customer, t.customer.c.erased_at.is_not(None))
    left = text(m.state).in_(("sending", "sent", "delivered", "failed", "unknown"))
    return {
        "sms.dialogues": counted(d),
        "sms.asked_once": counted(d, d.c.id.in_(once(questions, m.dialogue))),
        "sms.messages": counted(t.sms_message),
        **{f"sms.messages.{state}": counted(t.sms_message, text(m.state) == state.value) for state in TextState},
        "sms.written": counted(t.sms_message, m.text != "", text(m.state) != "ready"),
        "sms.left": counted(t.sms_message, left, sa.not_(erased)),
        "sms.replies": counted(t.sms_reply),
        **{f"sms.replies.{use}": counted(t.sms_reply, text(r.use) == use.value) for use in ReplyUse},
    }


def tickets() -> dict[str, sa.Select[int]]:
    """Return the counts of tickets and of the lines of their own history."""
    kind = t.ticket_entry.c.kind
    return {
        "tickets.attempts": sa.select(sa.func.sum(t.ticket.c.attempts)),
        "tickets.reopened": sa.select(sa.func.sum(t.ticket.c.reopened)),
        "entries.opened": counted(t.ticket_entry, kind == "opened"),
        "entries.attempts": counted(t.ticket_entry, kind.in_(("no_answer", "reached"))),
        "entries.reopened": counted(t.ticket_entry, kind == "reopened"),
    }


def mails() -> dict[str, sa.Select[int]]:
    """Return the counts of mails that were accepted and whose bytes are still kept.

    Bodies go 30 days after the end, oldest first; an erased person's go at once, so these are not counted.
    """
    d, body = t.dispatch.c, t.dispatch_body.c.dispatch
    accepted = d.state == DispatchState.ACCEPTED
    oldest = sa.select(sa.func.min(d.accepted_at)).where(accepted, d.id.in_(sa.select(body))).scalar_subquery()
    not_erased = sa.exists().where(t.customer.c.id == d.customer, t.customer.c.erased_at.is_(None))
    recent = (accepted, d.kind == "mail", d.accepted_at >= oldest, not_erased)
    return {
        "mails.recent": counted(t.dispatch, *recent),
        "mails.with_body": counted(t.dispatch, *recent, sa.exists().where(body == d.id)),
    }


def accounts() -> dict[str, sa.Select[int]]:
    """Return the counts of customers who answer for a company."""
    c = t.customer.c
    return {
        "customers.of_account": counted(t.customer, c.account.is_not(None)),
        "customers.named": counted(t.customer, c.attributes[ACCOUNT].as_string().is_not(None)),
        **news_of_accounts(),
    }


def news_of_accounts() -> dict[str, sa.Select[int]]:
    """Return the counts of tickets that others of an account have an answer in and that brought news, and of what
    became of telling them."""
    k, a, e = t.ticket.c, t.action.c, t.ticket_entry.c
    told = (*sorted(TOLD - {PASSED_ON}),)
    news = (
        text(k.state) == TicketState.DONE.value,
        sa.or_(k.outcome.in_(told), sa.and_(k.outcome == PASSED_ON, k.kept_at.is_not(None))),
        sa.exists().where(a.ticket == k.id, a.customer != k.customer),
    )
    noted = sa.exists().where(e.ticket == k.id, e.kind.in_((TOLD_OTHER, UNTOLD_OTHER)))
    return {
        "tickets.with_news": counted(t.ticket, *news),
        "tickets.told_others": counted(t.ticket, *news, noted),
        "mails.to_others": counted(t.dispatch, t.dispatch.c.template == NEWS),
        "entries.told_others": counted(t.ticket_entry, e.kind == TOLD_OTHER),
    }


COUNTED: dict[str, sa.Select[int]] = {
    **events(),
    **accounts(),
    **requests(),
    **responses(),
    **texts(),
    **actions(),
    **tickets(),
    **mails(),
}
