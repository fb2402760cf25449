"""Selection: whether a customer is among those whom a row of the journey plan asks, by columns about the customer.

Looked at when the question would be asked, and not when it is planned: what is planned stays a function of the events,
in any order, and an attribute that is told meanwhile counts. The touchpoint keeps what was looked at.
"""

from workers.domain.customer_case import CustomerCase
from workers.domain.customer_inputs import customer_inputs
from workers.domain.history import NOTHING, Why
from workers.domain.records import Touchpoint
from workers.domain.survey.planning.eligibility import put
from workers.domain.types import Reason, TouchpointState
from workers.structs import replace


def unless_not_selected(case: CustomerCase, touchpoint: Touchpoint) -> Touchpoint:
    """Return a touchpoint that would be asked now with what its plan asks of the customer, or skipped by it."""
    looked_at = with_inputs(case, touchpoint)
    why = not_selected(case, looked_at)
    return put(looked_at, TouchpointState.SKIPPED, why, case.now) if why.reason else looked_at


def with_inputs(case: CustomerCase, touchpoint: Touchpoint) -> Touchpoint:
    """Return a touchpoint with what its plan asks of the customer, as things are now; the very same for nothing."""
    plan = case.policy.plan_of(touchpoint.plan_version)
    return replace(touchpoint, inputs=customer_inputs(case, case.now, plan.about)) if plan.about else touchpoint


def not_selected(case: CustomerCase, touchpoint: Touchpoint) -> Why:
    """Return that the row of a touchpoint does not ask the customer of its inputs, with what differs; or empty."""
    inputs = touchpoint.inputs or {}
    unmet = case.policy.plan_of(touchpoint.plan_version).unmet(touchpoint.rule, inputs)
    if not unmet:
        return NOTHING
    differs = ", ".join(f"{name} {told_as(inputs.get(name))}" for name in unmet)
    return Why(Reason.NOT_SELECTED, differs)


def told_as(value: object) -> str:
    """Return a value as a cell writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "unknown" if value is None else str(value)
