"""Decision: a settled response goes through the follow-up table; the row that fires is a decision with its actions.

One current decision per response. A change of band, score or wish for contact makes the next one; what the old one had
not done yet is cancelled, what is done stays. Actions that are due at once are carried out by `actions`.
"""

from dataclasses import replace
from datetime import datetime

from workers.calendar import add_wait, add_working, in_zone
from workers.decision_table.files.reader import ON
from workers.domain.changeset import ChangeSet
from workers.domain.customer_state import CustomerState
from workers.domain.followup.actions import CONTACTS, carry_out, contacts_first, repeats
from workers.domain.outbound_messages import tell_response
from workers.domain.policy import NextStep, Policy, Verdict
from workers.domain.records import Action, Decision, Response, SurveyRequest
from workers.domain.shadow import shadow
from workers.domain.survey.planning import history, zone_of
from workers.domain.ticket import FIRST_CONTACT, TicketAllocator, remark
from workers.domain.types import ActionState, DecisionOutcome, DecisionState, Reason, RequestState, ResponseState


def route(response: Response, facts: CustomerState, policy: Policy, now: datetime, desk: TicketAllocator) -> ChangeSet:
    """Return the decision for a settled response, its actions, and everything that is due at once."""
    changes = ChangeSet()
    settled = replace(response, state=settled_state(response, facts))
    changes.change(settled)
    tell_response(settled, facts, policy, changes)
    current = current_decision(response.id, facts)
    if current is not None and same_question(current, settled, policy):
        changes.merge(remark(settled, facts, policy, now))
        return changes
    known = copy_of(facts, changes)
    changes.merge(decide_next(settled, current, known, policy, now, desk))
    return changes


def route_again(
    response: Response, facts: CustomerState, policy: Policy, now: datetime, desk: TicketAllocator
) -> ChangeSet:
    """Return the next decision for a response of which more is known than when it was decided on.

    None where the same row answers, or where the response waits to be routed anyway. What is told of it to others
    stays: score and band are the same.
    """
    current = current_decision(response.id, facts)
    if current is None or response.state == ResponseState.SETTLING:
        return ChangeSet()
    if policy.follow_up.decide(inputs_of(response, policy)).rule == current.rule:
        return ChangeSet()
    return decide_next(response, current, facts, policy, now, desk)


def decide_next(
    settled: Response,
    current: Decision | None,
    facts: CustomerState,
    policy: Policy,
    now: datetime,
    desk: TicketAllocator,
) -> ChangeSet:
    """Return a response's next decision with its actions; the current one gives way."""
    changes = ChangeSet()
    known = facts.copy()
    decision, verdict = decide(settled, current.n + 1 if current else 1, policy, now)
    before = actions_before(current, facts)
    if current is not None:
        supersede(current, before, verdict, policy, now, changes)
    changes.add(decision)
    told = policy.follow_up.disagreement(decision.inputs)
    if told:
        subject = f"{decision.response}/{decision.n}"
        changes.add(shadow("follow-up", subject, decision.customer, told, settled.answered_at, policy))
    if decision.outcome == DecisionOutcome.PARKED:
        changes.add(
            history(
                settled.customer,
                "response",
                settled.id,
                DecisionOutcome.PARKED,
                Reason.NO_SUCH_RULE,
                verdict.reason,
                now,
                policy,
            )
        )
    for action in sorted(actions_of(settled, decision, verdict, facts, policy, now), key=contacts_first):
        if already_done(action, before):
            changes.add(replace(action, state=ActionState.DONE, reason=Reason.ALREADY_DONE))
            continue
        changes.add(action)
        known.absorb(changes)
        if action.due_at <= now:
            done = carry_out(action, verdict.ticket_due, known, policy, now, desk)
            known.absorb(done)
            changes.merge(done)
    if current is not None and not any(step.action in CONTACTS for step in verdict.steps):
        changes.merge(remark(settled, known, policy, now))
    return changes


def contact_due(response: Response, policy: Policy) -> datetime | None:
    """Return by when somebody contacts a customer about an answer that is not routed yet; None where nobody will."""
    verdict = policy.follow_up.decide(inputs_of(response, policy))
    if not any(step.action in CONTACTS for step in verdict.steps):
        return None
    return add_working(response.settling_since, verdict.ticket_due or FIRST_CONTACT, policy.calendar)


def settled_state(response: Response, facts: CustomerState) -> ResponseState:
    """Return where a settled response stands: closed at once when its request closed while it was settling."""
    request = facts.get(SurveyRequest, response.request) if response.request else None
    closed = request is not None and request.state == RequestState.CLOSED
    return ResponseState.CLOSED if closed else ResponseState.DECIDED


def actions_before(current: Decision | None, facts: CustomerState) -> list[Action]:
    """Return the actions of the decision that gives way."""
    if current is None:
        return []
    mine = (current.response, current.n)
    return sorted((one for one in facts.all(Action) if (one.response, one.decision) == mine), key=Action.key)


def already_done(action: Action, before: list[Action]) -> bool:
    """Tell whether the decision before did this very thing, so that nobody gets the same mail twice.

    A contact is carried out all the same: the ticket has to know of the changed answer.
    """
    if action.name in CONTACTS:
        return False
    return any(one.state == ActionState.DONE and repeats(one, action.name, action.template) for one in before)


def copy_of(facts: CustomerState, changes: ChangeSet) -> CustomerState:
    """Return the facts with the changes taken in; the caller's facts stay as they are."""
    known = facts.copy()
    known.absorb(changes)
    return known


def current_decision(response: str, facts: CustomerState) -> Decision | None:
    """Return the decision that counts for a response."""
    for decision in facts.all(Decision):
        if decision.response == response and decision.state == DecisionState.CURRENT:
            return decision
    return None


def inputs_of(response: Response, policy: Policy) -> dict[str, object]:
    """Return the inputs of the follow-up table; `after` in days from the anchor to when the question was sent.

    Where rows hold on some days only, the day of the answer in the brand's zone counts, whenever it is routed.
    """
    day = {ON: in_zone(response.answered_at, policy.zone).date().isoformat()} if policy.follow_up.dated else {}
    return {
        **day,
        "trigger": response.trigger,
        "after": round(response.after_days, 6),
        "score": response.score,
        "comment": "yes" if response.comment.strip() else "no",
        "wants_contact": "yes" if response.wants_contact else "no",
    }


def same_question(current: Decision, response: Response, policy: Policy) -> bool:
    """Tell whether the current decision was taken for the same score and wish for contact."""
    inputs = inputs_of(response, policy)
    return all(current.inputs.get(name) == inputs[name] for name in ("score", "wants_contact"))


def decide(response: Response, n: int, policy: Policy, now: datetime) -> tuple[Decision, Verdict]:
    """Return decision n with table version, rule and inputs, and what the table said."""
    inputs = inputs_of(response, policy)
    verdict = policy.follow_up.decide(inputs)
    decision = Decision(
        response=response.id,
        n=n,
        customer=response.customer,
        state=DecisionState.CURRENT,
        outcome=DecisionOutcome(verdict.outcome),
        rule=verdict.rule,
        row=verdict.row,
        version=policy.follow_up.version,
        inputs=inputs,
        reason=verdict.reason,
        at=now,
    )
    return decision, verdict


def supersede(
    current: Decision, before: list[Action], verdict: Verdict, policy: Policy, now: datetime, changes: ChangeSet
) -> None:
    """Let the old decision go: actions not done are cancelled, and mails that have not left, unless they still fit."""
    changes.change(replace(current, state=DecisionState.SUPERSEDED, superseded_at=now))
    for action in before:
        if not any(repeats(action, step.action, step.template) for step in verdict.steps):
            changes.cancel("action", action.id, Reason.SUPERSEDED)
        if action.state in (ActionState.PLANNED, ActionState.HELD):
            changes.change(replace(action, state=ActionState.CANCELLED, reason=Reason.SUPERSEDED, changed_at=now))
            changes.add(
                history(action.customer, "action", action.id, ActionState.CANCELLED, Reason.SUPERSEDED, "", now, policy)
            )


def actions_of(
    response: Response, decision: Decision, verdict: Verdict, facts: CustomerState, policy: Policy, now: datetime
) -> list[Action]:
    """Return the actions of a decision; waits run from the answer, in the customer's zone."""
    return [action_for(step, response, decision, verdict, facts, policy, now) for step in verdict.steps]


def action_for(
    step: NextStep,
    response: Response,
    decision: Decision,
    verdict: Verdict,
    facts: CustomerState,
    policy: Policy,
    now: datetime,
) -> Action:
    """Return one action; its id is the effect key of response, decision and action name."""
    zone = zone_of(facts.customer, policy)
    due = add_wait(response.answered_at, step.wait, zone)
    return Action(
        id=policy.ids.derive(response.answered_at, "action", response.id, str(decision.n), step.action),
        response=response.id,
        decision=decision.n,
        customer=response.customer,
        name=step.action,
        template=step.template,
        wait=step.wait.iso(),
        play=verdict.play,
        due_at=max(due, now),
        latest_at=add_wait(response.answered_at, step.latest, zone) if step.latest else None,
        state=ActionState.PLANNED,
        reason=Reason.WAIT if due > now else "",
        detail="",
        changed_at=now,
        version=decision.version,
    )
