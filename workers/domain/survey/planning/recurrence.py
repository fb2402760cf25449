"""Recurrence: a row of the journey plan with `every` asks each customer again, one occurrence after the other.

The next one is planned when the one before was asked, skipped or given up, so that a customer has one that waits. When
it is due is a function of the facts: a row's period after the last asking (or answer), else after the turn that passed.
"""

from datetime import datetime

from workers.calendar import add_wait
from workers.domain.compiled_tables.journey_plan import PlanStep
from workers.domain.customer_case import PENDING, CustomerCase
from workers.domain.history import Why
from workers.domain.records import Journey, Response, SurveyRequest, Touchpoint
from workers.domain.survey.planning.eligibility import assess, follows_from_facts, note, put, undoing
from workers.domain.survey.planning.occurrences import first_due, next_due, occurrence_reference
from workers.domain.survey.planning.other_answers import unless_answered
from workers.domain.survey.planning.relationship import has_undone, starts
from workers.domain.types import RECURRENCE, Reason, TouchpointState

PASSED = (Reason.ANSWERED, Reason.ALREADY_DONE, Reason.OPERATOR)
"""Why an occurrence is cancelled after which the next one comes; any other says that the customer is not asked."""
FORMER_WAITS = Why(Reason.ALREADY_DONE, "an earlier turn waits")
"""Why a turn is cancelled behind one that waits again; it stands again when that one does not."""
Occurrences = list[Touchpoint]
"""The occurrences of one question to one customer, the first one first."""


def follow_recurrence(case: CustomerCase) -> None:
    """Plan the next occurrence of each question that comes round, and move the one that waits where facts changed.

    For whole customers alone, with their requests. Idempotent.
    """
    if case.customer.erased_at or case.customer.merged_into:
        return
    for trigger, touchpoint in sorted(case.policy.plan.recurring):
        first = case.journey(trigger, "")
        if first is not None and case.get(Touchpoint, first.id, touchpoint) is not None:
            follow_question(case, first, touchpoint)


def follow_question(case: CustomerCase, first: Journey, touchpoint: str) -> None:
    """Bring the occurrences of one question to where the facts have them: one that waits, or none after a stop."""
    renew_first(case, occurrences(case, first, touchpoint)[0])
    leave_one(case, occurrences(case, first, touchpoint))
    renew(case, first, touchpoint)
    while True:
        earlier = occurrences(case, first, touchpoint)
        if any(occurrence.state in PENDING for occurrence in earlier) or not has_passed(earlier[-1]):
            return
        if not add_next(case, first, earlier):
            return


def occurrences(case: CustomerCase, first: Journey, touchpoint: str) -> Occurrences:
    """Return the occurrences of a question, the first one first."""
    following: Occurrences = []
    journey: Journey | None = first
    while journey is not None:
        occurrence = case.get(Touchpoint, journey.id, touchpoint)
        if occurrence is None:
            break
        following.append(occurrence)
        journey = case.journey(RECURRENCE, occurrence_reference(first.trigger, touchpoint, len(following) + 1))
    return following


def has_passed(occurrence: Touchpoint) -> bool:
    """Tell whether an occurrence is over so that the next one comes; not where the customer is not asked any more."""
    if occurrence.state == TouchpointState.CANCELLED:
        return occurrence.reason in PASSED
    return occurrence.state not in PENDING


def leave_one(case: CustomerCase, earlier: Occurrences) -> None:
    """Cancel all occurrences that wait but the first of them: facts told late may let a former one wait again."""
    waiting = [occurrence for occurrence in earlier if occurrence.state in PENDING]
    for occurrence in waiting[1:]:
        done = put(occurrence, TouchpointState.CANCELLED, FORMER_WAITS, case.now)
        case.change(done)
        note(case, done, occurrence.state)


def renew_first(case: CustomerCase, occurrence: Touchpoint) -> None:
    """Move the first occurrence to the day of this customer: of one who was merged, the hash was another."""
    step = case.policy.plan_of(occurrence.plan_version).step(occurrence.rule)
    if step is None or step.every is None or not follows_from_facts(occurrence):
        return
    due = first_due(case, step, occurrence.anchor_at)
    if due == occurrence.due_at:
        return
    undone = occurrence.state == TouchpointState.CANCELLED
    moved = at_turn(case, step, occurrence, due)
    wanted = moved.but(state=occurrence.state, reason=occurrence.reason, detail=occurrence.detail) if undone else moved
    case.change(assess(case, wanted))


def renew(case: CustomerCase, first: Journey, touchpoint: str) -> None:
    """Move or cancel the last occurrence, or let it stand again, where the facts that it follows from have changed."""
    *earlier, last = occurrences(case, first, touchpoint)
    if any(occurrence.state in PENDING for occurrence in earlier):
        return  # a former one waits again: this one does not
    plan = case.policy.plan_of(last.plan_version)
    step = plan.step(last.rule)
    follows = follows_from_facts(last) or (last.reason, last.detail) == FORMER_WAITS
    if not earlier or step is None or step.every is None or not follows:
        return
    due = due_after(case, step, earlier, last.planned_at)
    if due is None:
        return
    journey = case.get(Journey, last.journey)
    if journey is not None and journey.anchor_at != earlier[0].anchor_at:
        case.change(journey.but(anchor_at=earlier[0].anchor_at))
    wanted = judged(case, step, at_turn(case, step, last.but(anchor_at=earlier[0].anchor_at), due))
    same_time = (wanted.anchor_at, wanted.due_at) == (last.anchor_at, last.due_at)
    if same_time and wanted.state == TouchpointState.SKIPPED:
        return  # what was cancelled in its time is not too late by a replay
    cancelled = TouchpointState.CANCELLED in (wanted.state, last.state)
    differs = (wanted.state, wanted.reason, wanted.detail) != (last.state, last.reason, last.detail)
    if not same_time or (cancelled and differs):
        case.change(wanted)
        note(case, wanted, last.state)


def add_next(case: CustomerCase, first: Journey, earlier: Occurrences) -> bool:
    """Plan the occurrence after those that are over, by the row in use; False where no row asks again."""
    last = earlier[-1]
    step = row_in_use(case, last)
    due = due_after(case, step, earlier, case.now) if step else None
    if step is None or due is None:
        return False
    journey = journey_of_next(case, first, earlier)
    case.add(journey)
    wanted = last.but(
        journey=journey.id,
        reference="",
        rule=step.rule,
        plan_version=case.policy.plan.written_as,
        template=step.template,
        anchor_at=earlier[0].anchor_at,
        if_resting=step.if_resting,
        reminder=step.reminder,
        changed_at=case.now,
        planned_at=case.now,
        inputs=None,
    )
    occurrence = judged(case, step, at_turn(case, step, wanted, due))
    case.add(occurrence)
    note(case, occurrence, "")
    return True


def row_in_use(case: CustomerCase, last: Touchpoint) -> PlanStep | None:
    """Return the row that asks again what an occurrence asked: its own where that still does, else another one's."""
    own = case.policy.plan.step(last.rule)
    if own is not None and own.every is not None and (own.trigger, own.touchpoint) == (last.trigger, last.step):
        return own
    return case.policy.plan.recurring.get((last.trigger, last.step))


def due_after(case: CustomerCase, step: PlanStep, earlier: Occurrences, as_of: datetime) -> datetime | None:
    """Return when the occurrence after some others is due: a period after the last asking, or after the turn passed.

    Where the row says so, after the last answer, if that came later.
    """
    last = earlier[-1]
    asked = {
        request.id: request.asked_at
        for request in case.all(SurveyRequest)
        if (request.trigger, request.step) == (last.trigger, last.step)
    }
    moments = list(asked.values())
    if step.after_answer:
        moments += [response.answered_at for response in case.all(Response) if response.request in asked]
    if last.state != TouchpointState.ASKED:
        moments.append(last.due_at)
    return next_due(case, step, max(moments, default=last.changed_at), as_of)


def at_turn(case: CustomerCase, step: PlanStep, occurrence: Touchpoint, due: datetime) -> Touchpoint:
    """Return an occurrence as planned for a turn, by its facts alone."""
    return occurrence.but(
        due_at=due,
        wake_at=due,
        give_up_at=add_wait(due, step.give_up_after, case.zone),
        state=TouchpointState.PLANNED,
        reason="",
        detail="",
        changed_at=case.now,
    )


def judged(case: CustomerCase, step: PlanStep, occurrence: Touchpoint) -> Touchpoint:
    """Return an occurrence in the state that the facts give it: its start undone, answered elsewhere, stopped, held."""
    wanted = unless_answered(case, assess(case, occurrence))
    if wanted.state not in PENDING or step.anchor != "start" or not has_undone(case.customer, case.policy):
        return wanted
    begun = starts(case).get((occurrence.trigger, occurrence.step))
    stop = undoing(case, begun[1]) if begun else None
    if stop is None:
        return wanted
    return put(wanted, TouchpointState.CANCELLED, Why(Reason.STOPPED, stop.cause), case.now)


def journey_of_next(case: CustomerCase, first: Journey, earlier: Occurrences) -> Journey:
    """Return the journey of the occurrence after some others; what it is called is that of the first."""
    reference = occurrence_reference(first.trigger, earlier[0].step, len(earlier) + 1)
    return first.but(
        id=case.ids.derive(None, "journey", case.id, RECURRENCE, reference),
        trigger=RECURRENCE,
        reference=reference,
        anchor_at=earlier[0].anchor_at,
        event=reference,
        plan_version=case.policy.plan.written_as,
        began=RECURRENCE,
        delivery_expected=None,
        months=None,
    )
