"""Contrary events: they become stop facts, and what they cancel, hold or let go follows from those.

A fact that came before what it stops still stops it. Service mails are never called back.
"""

from dataclasses import replace
from datetime import datetime

from workers.domain.changeset import ChangeSet
from workers.domain.customer_state import CustomerState
from workers.domain.policy import Policy
from workers.domain.records import Stop, SurveyRequest, Touchpoint
from workers.domain.survey.planning.eligibility import about, reassess
from workers.domain.survey.planning.journey import JourneyEvent, remember_first
from workers.domain.types import Effect, MailClass, Reason, RequestState


def stop(happening: JourneyEvent, facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return the stop facts of a contrary event and what they cancel, hold or let go."""
    changes = ChangeSet()
    known_already = {said(row) for row in facts.all(Stop)}
    for row in stops_of(happening, facts, policy):
        if said(row) not in known_already:
            changes.add(row)
    if not changes:
        return changes
    if any(isinstance(row, Stop) and row.effect == Effect.CANCEL for row in changes.rows_added()):
        remember_first(happening, facts.customer, changes)
    known = CustomerState(facts.customer, [*facts.all(Stop), *facts.all(Touchpoint), *facts.all(SurveyRequest)])
    known.absorb(changes)
    changes.merge(reassess(known, policy, now))
    for stopped in [row for row in changes.rows_added() if isinstance(row, Stop) and row.effect == Effect.CANCEL]:
        call_back_mails(stopped, known, now, changes)
    return changes


def said(stop: Stop) -> tuple[object, ...]:
    """Return what makes a stop the same one, whoever of two merged customers it was told of."""
    return stop.cause, stop.effect, stop.scope, stop.reference, stop.from_at


def stops_of(happening: JourneyEvent, facts: CustomerState, policy: Policy) -> list[Stop]:
    """Return the facts that the contrary table makes of an event."""
    customer = facts.customer.id
    found = []
    for rule in policy.contrary:
        if happening.partial and rule.effect == Effect.CANCEL and rule.scope == "reference":
            continue  # what stays bought is asked about
        if happening.name in rule.events:
            effect, scope = Effect(rule.effect), rule.scope
        elif happening.name in rule.until:
            effect, scope = Effect.END, "customer"
        else:
            continue
        key = policy.ids.derive(
            happening.at, "stop", customer, happening.name, effect, scope, happening.reference, happening.at.isoformat()
        )
        found.append(
            Stop(key, customer, happening.name, effect, scope, happening.reference, happening.at, happening.event)
        )
    return found


def call_back_mails(stopped: Stop, facts: CustomerState, now: datetime, changes: ChangeSet) -> None:
    """Cancel the survey mails that have not left for what is stopped; service mails go on."""
    reason = f"{Reason.STOPPED}: {stopped.cause}"
    if stopped.scope == "customer":
        for mail_class in (MailClass.SURVEY, MailClass.PROMOTION):
            changes.cancel("customer", stopped.customer, reason, mail_class)
    for request in list(facts.all(SurveyRequest)):
        if stopped.scope == "customer" or about(stopped, request.reference, request.anchor_at):
            changes.cancel("request", request.id, reason, MailClass.SURVEY)
            withdraw(request, reason, now, changes)


def withdraw(request: SurveyRequest, reason: str, now: datetime, changes: ChangeSet) -> None:
    """Take a question back that has not left yet: it counts neither as asked nor against the rest period."""
    if request.state == RequestState.OPEN and request.channel == "mail" and request.sent_at is None:
        changes.change(replace(request, state=RequestState.WITHDRAWN, reason=reason, changed_at=now))
