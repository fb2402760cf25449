"""Decision: a settled response goes through the follow-up table; the row that fires is a decision with its actions.

One current decision per response. A change of band, score or wish for contact makes the next one; what the old one had
not done yet is cancelled, what is done stays. Actions that are due at once are carried out by `actions`.
"""

from datetime import datetime

from workers.calendar import add_wait, add_working, in_zone
from workers.decision_table.files.reader import ON
from workers.domain.compiled_tables.cells import yes_no
from workers.domain.compiled_tables.follow_up import NextStep, Verdict
from workers.domain.customer_case import CustomerCase
from workers.domain.customer_inputs import customer_inputs
from workers.domain.followup.actions import carry_out, contacts_first, finish, repeats
from workers.domain.history import Subject, Why, history
from workers.domain.outbound_messages import publish_response
from workers.domain.policy import Policy
from workers.domain.records import Action, Decision, Response, SurveyRequest
from workers.domain.reporting.scales import QUESTION
from workers.domain.shadow import shadow
from workers.domain.ticket import FIRST_CONTACT, remark
from workers.domain.types import (
    CONTACTS,
    ActionState,
    DecisionOutcome,
    DecisionState,
    Reason,
    RequestState,
    ResponseState,
)
from workers.structs import replace

Inputs = dict[str, object]


def route(case: CustomerCase, response: Response) -> None:
    """Decide what follows from a settled response, and do everything that is due at once. Raises Missing."""
    settled = replace(response, state=settled_state(case, response))
    case.change(settled)
    publish_response(case, settled)
    current = current_decision(case, response.id)
    if current is not None and same_question(current, settled, case.policy):
        remark(case, settled)
    else:
        decide_next(case, settled, current)


def route_again(case: CustomerCase, response: Response) -> None:
    """Take the next decision for a response of which more is known than when it was decided on. Raises Missing.

    None where the same row answers, or where the response waits to be routed anyway. What is told of it to others
    stays: score and band are the same.
    """
    current = current_decision(case, response.id)
    if current is None or response.state == ResponseState.SETTLING:
        return
    inputs = {**current.inputs, **own_inputs(response, case.policy)}
    if case.policy.follow_up.decide(inputs).rule != current.rule:
        decide_next(case, response, current, inputs)


def decide_next(case: CustomerCase, settled: Response, current: Decision | None, inputs: Inputs | None = None) -> None:
    """Take a response's next decision with its actions; the current one gives way. Raises Missing.

    `inputs` are those to decide on where the customer's part of them is kept from the decision before.
    """
    decision, verdict = decide(case, settled, current.n + 1 if current else 1, inputs or inputs_of(case, settled))
    before = actions_before(case, current)
    if current is not None:
        supersede(case, current, before, verdict)
    case.add(decision)
    disagreement = case.policy.follow_up.disagreement(decision.inputs)
    if disagreement:
        case.add(shadow(case, ("follow-up", f"{decision.response}/{decision.n}"), disagreement, settled.answered_at))
    if decision.outcome == DecisionOutcome.PARKED:
        why = Why(Reason.NO_SUCH_RULE, verdict.reason)
        subject = Subject(settled.customer, "response", settled.id)
        case.add(history(subject, DecisionOutcome.PARKED, why, case.now, case.ids))
    actions = [action_for(case, step, settled, decision, verdict) for step in verdict.steps]
    for action in sorted(actions, key=contacts_first):
        if already_done(action, before):
            case.add(replace(action, state=ActionState.DONE, reason=Reason.ALREADY_DONE))
            continue
        case.add(action)
        if action.due_at <= case.now:
            carry_out(case, action, verdict.ticket_due)
    if current is not None and not any(step.action in CONTACTS for step in verdict.steps):
        remark(case, settled)


def contact_due(case: CustomerCase, response: Response) -> datetime | None:
    """Return by when somebody contacts a customer about an answer that is not routed yet; None where nobody will."""
    policy = case.policy
    verdict = policy.follow_up.decide(inputs_of(case, response))
    if not any(step.action in CONTACTS for step in verdict.steps):
        return None
    return add_working(response.settling_since, verdict.ticket_due or FIRST_CONTACT, policy.calendar)


def settled_state(case: CustomerCase, response: Response) -> ResponseState:
    """Return where a settled response stands: closed at once when its request closed while it was settling."""
    request = case.get(SurveyRequest, response.request) if response.request else None
    closed = request is not None and request.state == RequestState.CLOSED
    return ResponseState.CLOSED if closed else ResponseState.DECIDED


def actions_before(case: CustomerCase, current: Decision | None) -> list[Action]:
    """Return the actions of the decision that gives way, by id; none for a first decision."""
    if current is None:
        return []
    mine = (current.response, current.n)
    return sorted((row for row in case.all(Action) if (row.response, row.decision) == mine), key=Action.key)


def already_done(action: Action, before: list[Action]) -> bool:
    """Tell whether the decision before did this very thing, so that nobody gets the same mail twice.

    A contact is carried out all the same: the ticket has to know of the changed answer.
    """
    if action.name in CONTACTS:
        return False
    return any(
        earlier.state == ActionState.DONE and repeats(earlier, action.name, action.template) for earlier in before
    )


def current_decision(case: CustomerCase, response: str) -> Decision | None:
    """Return the decision of a response that is not superseded, or None before its first."""
    for decision in case.all(Decision):
        if decision.response == response and decision.state == DecisionState.CURRENT:
            return decision
    return None


def inputs_of(case: CustomerCase, response: Response) -> Inputs:
    """Return the inputs of the follow-up table, which the decision keeps.

    What is known of the customer counts as of the answer. Of that the decision keeps what the table asks for, and every
    declared attribute, so that a table that asks for one later can be held against this answer.
    """
    policy = case.policy
    asked = policy.follow_up.asks.union(policy.attributes)
    return {**customer_inputs(case, response.answered_at, asked), **own_inputs(response, policy)}


def own_inputs(response: Response, policy: Policy) -> Inputs:
    """Return what the answer itself says; `after` in days from the anchor to when the question was sent.

    Where rows hold on some days only, the day of the answer in the brand's zone counts, whenever it is routed.
    """
    day = {ON: in_zone(response.answered_at, policy.zone).date().isoformat()} if policy.follow_up.dated else {}
    return {
        **day,
        "trigger": response.trigger,
        "after": round(response.after_days, 6),
        **({QUESTION: response.question} if response.question else {}),
        "score": response.score,
        "comment": yes_no(bool(response.comment.strip())),
        "wants_contact": yes_no(response.wants_contact),
    }


def same_question(current: Decision, response: Response, policy: Policy) -> bool:
    """Tell whether the current decision was taken for the same score and wish for contact."""
    inputs = own_inputs(response, policy)
    return all(current.inputs.get(name) == inputs[name] for name in ("score", "wants_contact"))


def decide(case: CustomerCase, response: Response, n: int, inputs: Inputs) -> tuple[Decision, Verdict]:
    """Return decision n with table version, rule and inputs, and what the table said."""
    verdict = case.policy.follow_up.decide(inputs)
    decision = Decision(
        response=response.id,
        n=n,
        customer=response.customer,
        state=DecisionState.CURRENT,
        outcome=DecisionOutcome(verdict.outcome),
        rule=verdict.rule,
        row=verdict.row,
        version=case.policy.follow_up.version,
        inputs=dict(inputs),
        reason=verdict.reason,
        at=case.now,
    )
    return decision, verdict


def supersede(case: CustomerCase, current: Decision, before: list[Action], verdict: Verdict) -> None:
    """Let the old decision go: actions not done are cancelled, and mails that have not left, unless they still fit."""
    case.change(replace(current, state=DecisionState.SUPERSEDED, superseded_at=case.now))
    for action in before:
        if not any(repeats(action, step.action, step.template) for step in verdict.steps):
            case.cancel("action", action.id, Reason.SUPERSEDED)
        if action.state in (ActionState.PLANNED, ActionState.HELD):
            finish(case, action, ActionState.CANCELLED, Why(Reason.SUPERSEDED))


def action_for(case: CustomerCase, step: NextStep, response: Response, decision: Decision, verdict: Verdict) -> Action:
    """Return one action of a decision; its wait runs from the answer, in the customer's zone.

    Its id is the effect key of response, decision and action name.
    """
    now, zone = case.now, case.zone
    due = add_wait(response.answered_at, step.wait, zone)
    return Action(
        id=case.ids.derive(response.answered_at, "action", response.id, str(decision.n), step.action),
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
