"""Selection: whether a customer is among those whom a row of the journey plan asks, by columns about the customer.

Looked at when the question would be asked, and not when it is planned: what is planned stays a function of the events,
in any order, and an attribute that is told meanwhile counts. The touchpoint keeps what was looked at.
"""

from dataclasses import replace

from workers.domain.customer_case import CustomerCase
from workers.domain.customer_inputs import customer_inputs
from workers.domain.history import NOTHING, Why
from workers.domain.records import Touchpoint
from workers.domain.survey.planning.eligibility import put
from workers.domain.types import Reason, TouchpointState


def unless_not_selected(case: CustomerCase, touchpoint: Touchpoint) -> Touchpoint:
    """Return a touchpoint that would be asked now with what its plan asks of the customer, or skipped by it."""
    plan = case.policy.plan_of(touchpoint.plan_version)
    if not plan.about:
        return touchpoint
    told = replace(touchpoint, inputs=customer_inputs(case, case.now, plan.about))
    why = not_selected(case, told)
    return put(told, TouchpointState.SKIPPED, why, case.now) if why.reason else told


def not_selected(case: CustomerCase, touchpoint: Touchpoint) -> Why:
    """Return that the row of a touchpoint does not ask this customer as things are now, with what differs; or empty."""
    plan = case.policy.plan_of(touchpoint.plan_version)
    inputs = customer_inputs(case, case.now, plan.about)
    unmet = plan.unmet(touchpoint.rule, inputs)
    if not unmet:
        return NOTHING
    differs = ", ".join(f"{name} {told_as(inputs.get(name))}" for name in unmet)
    return Why(Reason.NOT_SELECTED, differs)


def told_as(value: object) -> str:
    """Return a value as a cell writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "unknown" if value is None else str(value)
