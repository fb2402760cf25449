"""The SELECTs behind the books: the counts whose sums must hold, and the rows that two runs must share.

What is left out of a row, and why, stands at its SELECT. Writes nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain import invariants
from workers.domain.places.claims import TEMPLATE as CLAIM_MAIL
from workers.domain.places.claims import Claim
from workers.domain.reporting.drivers import PARTS, DriverCell, contributions
from workers.domain.reporting.scales import RATED, SCALES
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
    TouchpointState,
)
from workers.store import tables as t
from workers.store.counts import report_cells, running_counts

Rows = sa.Select[*tuple[Any, ...]]
AT_ONCE = 5_000  # rows fetched in one go


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
    return tally


def count(connection: Connection, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
    """Return how many rows of a table meet the conditions."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(*conditions)).scalar_one())


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


def lines(connection: Connection) -> Iterator[tuple[str, Iterator[str]]]:
    """Give each compared table with its rows, each as one line of JSON; the order of the rows means nothing."""
    references = ticket_names(connection)
    for table, statement in COMPARED.items():
        rows = connection.execution_options(yield_per=AT_ONCE).execute(statement)
        yield table, (invariants.line(cast(Mapping[str, object], row), references) for row in rows.mappings())


def ticket_names(connection: Connection) -> dict[str, str]:
    """Return what each ticket is about, for the surveys and journeys whose reference is a ticket."""
    c = t.ticket.c
    return {
        str(key): f"ticket about {trigger} {'' if trigger == 'recovery' else reference}"
        for key, trigger, reference in connection.execute(sa.select(c.id, c.trigger, c.reference))
    }


def who(column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """Return the CRM's id of the customer that a row belongs to."""
    other = t.customer.alias()
    crm_id = sa.select(sa.func.coalesce(other.c.crm_id, invariants.ERASED)).where(other.c.id == column)
    return crm_id.scalar_subquery().label("customer")


def pick(table: sa.Table, *names: str) -> list[sa.ColumnElement[Any]]:
    """Return columns of a table by name, states as text."""
    return [text(table.c[name]).label(name) if name == "state" else table.c[name] for name in names]


def answer() -> list[sa.ColumnElement[Any]]:
    """Return the natural key of a response: whose, about what, or the other tool's own id."""
    return [
        who(t.response.c.customer),
        *pick(t.response, "trigger", "touchpoint", "reference", "source", "external_id"),
    ]


def of_answer(table: sa.Table, *columns: sa.ColumnElement[Any]) -> Rows:
    """Return rows of a table that hang on a response, under its natural key."""
    joined = table.outerjoin(t.response, t.response.c.id == table.c.response)
    return sa.select(*answer(), *columns).select_from(joined)


def compared() -> dict[str, Rows]:
    """Return the comparable rows of each table.

    Never compared: inbox, received, consumed and dead letters (they depend on the door and are kept 30 days), clicks
    (machines click), history (it tells each look of a role, in the order of arrival), outbox and bodies (transport).
    """
    return {**asked_rows(), **answered_rows(), **contact_rows()}


def asked_rows() -> dict[str, Rows]:
    """Return customers, stops, journeys, touchpoints and requests.

    Left out: customer.created_at, rest_until and changed_at (first arrival; derived), the event and label of a journey
    (of two events for one journey the first to arrive is kept), a touchpoint's wake_at, planned_at, changed_at and
    detail (a role's tick) and why it was cancelled (of two reasons the first to arrive), sent_at (the sender's tick).
    """
    c, j, p, k = t.customer.c, t.journey.c, t.touchpoint.c, t.suppression.c
    why = sa.case((text(p.state) == "cancelled", ""), else_=p.reason).label("reason")
    profile = pick(t.customer, "email", "name", "phone", "language", "time_zone", "segment", "owner", "may_promote")
    profile += pick(t.customer, "attributes", "country", "survey_notice_given", "survey_consent")
    return {
        "customer": sa.select(
            sa.func.coalesce(c.crm_id, invariants.ERASED).label("customer"),
            *profile,
            c.opted_out_at.is_not(None).label("opted_out"),
            who(c.merged_into).label("merged_into"),
        ),
        "suppression": sa.select(k.kind),  # the address is hashed with a secret that each installation makes up
        "stop": sa.select(
            who(t.stop.c.customer),
            *pick(t.stop, "cause", "scope", "reference", "from_at"),
            text(t.stop.c.effect).label("effect"),
        ),
        "journey": sa.select(who(j.customer), *pick(t.journey, "trigger", "reference", "anchor_at", "state")),
        "touchpoint": sa.select(
            who(p.customer),
            j.reference,
            *pick(t.touchpoint, "step", "trigger", "rule", "template", "anchor_at", "due_at", "give_up_at", "state"),
            why,
        ).select_from(t.touchpoint.outerjoin(t.journey, j.id == p.journey)),
        "survey_request": sa.select(
            who(t.survey_request.c.customer),
            *pick(t.survey_request, "trigger", "reference", "step", "channel", "template", "language", "anchor_at"),
            *pick(t.survey_request, "asked_at", "closes_at", "state", "question"),
        ),
    }


def answered_rows() -> dict[str, Rows]:
    """Return responses, revisions, decisions, actions and dispatches.

    Left out: a response's asked_at, after_days and settling times (the sender's and the router's tick) and previous
    band (known at arrival), decision.at, an action's due_at (answered_at and wait give it, or the router's tick), of a
    dispatch its recipient (MAIL_REDIRECT), attempts, copies and instants (leases, connections, retries).
    """
    d, request = t.dispatch.c, t.survey_request.alias("asked")
    dispatches = t.dispatch.outerjoin(t.response, t.response.c.id == d.response).outerjoin(
        request, request.c.id == d.request
    )
    said = pick(t.response, "score", "band", "comment", "wants_contact", "phone", "half_day", "channel", "agent")
    said += pick(t.response, "drivers", "competitor", "question")
    return {
        "response": sa.select(
            *answer(), *said, *pick(t.response, "answered_at", "n", "state", "late", "improvement", "flag")
        ),
        "response_revision": of_answer(
            t.response_revision, *pick(t.response_revision, "n", "score", "comment", "wants_contact", "drivers", "at")
        ),
        "decision": of_answer(
            t.decision,
            *pick(t.decision, "n", "state", "rule", "version", "inputs"),
            text(t.decision.c.outcome).label("outcome"),
        ),
        "action": of_answer(
            t.action, *pick(t.action, "decision", "name", "template", "wait", "play", "state", "reason")
        ),
        "dispatch": sa.select(
            who(d.customer),
            *pick(t.dispatch, "kind", "template", "language", "state"),
            text(d.mail_class).label("mail_class"),
            sa.func.coalesce(request.c.step, t.response.c.touchpoint).label("touchpoint"),
            sa.func.coalesce(request.c.reference, t.response.c.reference).label("reference"),
            t.response.c.external_id,
        ).select_from(dispatches),
    }


def contact_rows() -> dict[str, Rows]:
    """Return tickets with their history, testimonials and consents, SMS and the replies to them.

    Left out: a ticket's number and owner (handed out in the order of work), version and instants of escalation.
    """
    entries = t.ticket_entry.outerjoin(t.ticket, t.ticket.c.id == t.ticket_entry.c.ticket)
    return {
        "ticket": of_answer(
            t.ticket,
            *pick(t.ticket, "score", "wants_contact", "play", "state", "due_at", "attempts", "root_cause", "outcome"),
            *pick(t.ticket, "sentence", "reopened", "done_at", "question"),
        ),
        "ticket_entry": sa.select(
            who(t.ticket_entry.c.customer),
            t.ticket.c.trigger,
            t.ticket.c.reference,
            *pick(t.ticket_entry, "kind", "by", "text", "source"),
            sa.case((t.ticket_entry.c.kind != "account", t.ticket_entry.c.event_id)).label("event_id"),
        ).select_from(entries),
        "testimonial": of_answer(
            t.testimonial, *pick(t.testimonial, "state", "language", "wording", "shown_name", "place", "scope")
        ),
        "sms_message": sa.select(
            who(t.sms_message.c.customer),
            *pick(t.sms_message, "message", "language", "text"),
            text(t.sms_message.c.state),
        ),
        "sms_reply": sa.select(who(t.sms_reply.c.customer), *pick(t.sms_reply, "text"), text(t.sms_reply.c.use)),
        "consent": sa.select(who(t.consent.c.customer), *pick(t.consent, "given", "scope", "text_version")),
    }


COMPARED: dict[str, Rows] = compared()
