"""Shadow: what a candidate table would have done becomes a row, where it disagrees. Nothing follows from it.

Values in, a row out. The comparison itself is the engine's.
"""

from datetime import datetime

from workers.decision_table import Disagreement
from workers.domain.customer_case import CustomerCase
from workers.domain.records import Shadow


def shadow(case: CustomerCase, decided_on: tuple[str, str], disagreement: Disagreement, at: datetime) -> Shadow:
    """Return the row of a disagreement; its id follows from what was decided on, so that it is written once.

    `decided_on` is the table's name and the event or decision, `at` the instant of what was decided on.
    """
    name, subject = decided_on
    version = case.policy.plan.version if name == "journey-plan" else case.policy.follow_up.version
    return Shadow(
        id=case.ids.derive(at, "shadow", case.id, name, subject, disagreement.candidate_version),
        customer=case.id,
        name=name,
        subject=subject,
        version=version,
        candidate=disagreement.candidate_version,
        rules=", ".join(disagreement.live_rules),
        candidate_rules=", ".join(disagreement.candidate_rules),
        outcome=disagreement.live,
        candidate_outcome=disagreement.candidate,
        at=at,
    )
