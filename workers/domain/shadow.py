"""Shadow: what a candidate table would have done becomes a row, where it disagrees. Nothing follows from it.

Values in, a row out. The comparison itself is the engine's.
"""

from datetime import datetime

from workers.decision_table import Disagreement
from workers.domain.policy import Policy
from workers.domain.records import Shadow
from workers.domain.types import CustomerId


def shadow(name: str, subject: str, customer: CustomerId, told: Disagreement, at: datetime, policy: Policy) -> Shadow:
    """Return the row of a disagreement; its id follows from what was decided on, so that it is written once.

    `name` is the table, `subject` the event or the decision, `at` the instant of what was decided on.
    """
    version = policy.plan.version if name == "journey-plan" else policy.follow_up.version
    return Shadow(
        id=policy.ids.derive(at, "shadow", customer, name, subject, told.candidate_version),
        customer=customer,
        name=name,
        subject=subject,
        version=version,
        candidate=told.candidate_version,
        rules=", ".join(told.live_rules),
        candidate_rules=", ".join(told.candidate_rules),
        outcome=told.live,
        candidate_outcome=told.candidate,
        at=at,
    )
