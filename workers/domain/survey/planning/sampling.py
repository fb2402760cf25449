"""Sampling: whether a customer is among those whom a row of the journey plan, or a site, asks where it asks a share.

By hash and not by chance, so that the same customer gets the same answer whenever and wherever it is asked. Each
touchpoint draws by itself, and anew each calendar year (that of its anchor; of one that comes round, that in which it
is due), so that nobody is left out, or asked alone, for good.
"""

from workers.domain.customer_case import CustomerCase
from workers.domain.records import Touchpoint

PARTS = 1 << 32


def is_drawn(case: CustomerCase, touchpoint: Touchpoint) -> bool:
    """Tell whether the row that planned a touchpoint asks this customer; a row that is gone asks everybody."""
    step = case.policy.plan_of(touchpoint.plan_version).step(touchpoint.rule)
    if step is None or step.share >= 100:
        return True
    at = touchpoint.anchor_at if step.every is None else touchpoint.due_at
    return is_in_share(case, step.share, touchpoint.step, str(at.year))


def is_in_share(case: CustomerCase, share: int, *draw: str) -> bool:
    """Tell whether a customer is among the percent drawn; `draw` says of which draw, so that each is one of its own."""
    if share >= 100:
        return True
    return lot_of(case, "share", *draw) * 100 < share * PARTS


def lot_of(case: CustomerCase, draw: str, *among: str) -> int:
    """Return the lot of a customer in a draw, from 0 to PARTS - 1: by hash, so always the same one."""
    return int(case.ids.keyed_hash(draw, case.id, *among)[:8], 16)


def share_asked(case: CustomerCase, touchpoint: Touchpoint) -> int:
    """Return the percent of the customers whom the row that planned a touchpoint asks."""
    step = case.policy.plan_of(touchpoint.plan_version).step(touchpoint.rule)
    return step.share if step else 100
