"""The SELECTs behind the digest of the books: the rows that two runs of the same events must share.

What is left out of a row, and why, stands at its SELECT. Writes nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain import invariants
from workers.domain.ticket.outcomes import NAMES_SOMEBODY
from workers.store import tables as t
from workers.store.counts.books import text

Rows = sa.Select[*tuple[Any, ...]]
AT_ONCE = 5_000  # rows fetched in one go


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
            sa.case((t.ticket_entry.c.kind.notin_(NAMES_SOMEBODY), t.ticket_entry.c.event_id)).label("event_id"),
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
