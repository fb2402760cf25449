"""Webhooks that failed: when each is tried again, and when their receiver is left alone for a while.

The times are those of the Standard Webhooks specification. Mails know nothing of it: a receiver of webhooks that
refuses us says nothing about the mail server. Pure but for `record`, which keeps a receiver's state.
"""

import logging
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from workers.domain.delivery_result import SendKind, SendResult
from workers.store.connection import Connection
from workers.store.delivery.webhook_targets import TargetState, keep_state, state_of

log = logging.getLogger(__name__)
RETRY_AFTER = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long after each failed attempt the next one comes; after the last a webhook is given up, three days on."""
JITTER = 0.2
"""Part of a wait that is added by chance of the id, so that what failed together does not come back together."""
FAILURES_IN_A_ROW = 5
FAILING_FOR = timedelta(minutes=1)
"""A receiver is left alone once it failed so often, for so long, with no success between: not for one bad burst."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
GONE = 410
WANTS_NONE = "the receiver has said 410 Gone; set BOUCLE_WEBHOOK_URL anew, or `boucle resume --webhooks`"


def next_try(dispatch: str, attempt: int, result: SendResult) -> timedelta | None:
    """Return how long after a failed attempt (the first is 1) the next one comes; None: there is none."""
    if attempt > len(RETRY_AFTER):
        return None
    chance = zlib.crc32(f"{dispatch} {attempt}".encode()) / 2**32
    wait = RETRY_AFTER[max(attempt, 1) - 1] * (1 + JITTER * chance)
    return max(wait, timedelta(seconds=result.retry_after or 0))


def after(state: TargetState, result: SendResult, now: datetime) -> TargetState:
    """Return how a receiver stands after one answer; Retry-After is asked of us, not of one webhook."""
    if result.kind == SendKind.ACCEPTED:
        return TargetState(state.target, changed_at=state.changed_at)
    failures, since = state.failures + 1, state.failing_since or now
    pause = timedelta(seconds=result.retry_after or 0)
    if failures >= FAILURES_IN_A_ROW and now - since >= FAILING_FOR:
        pause = max(pause, min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - FAILURES_IN_A_ROW, 10)))
    until = max(filter(None, (state.paused_until, now + pause if pause else None)), default=None)
    gone = state.gone_at or (now if result.code == GONE else None)
    return replace(
        state, failures=failures, failing_since=since, paused_until=until, gone_at=gone, reason=result.text[:300]
    )


def may_leave(state: TargetState, now: datetime) -> int | None:
    """Return how many webhooks may leave now: None for any number, 0 while paused, 1 to try after a pause."""
    if state.gone_at is not None or state.paused_until is None:
        return None
    return 0 if state.paused_until > now else 1


def record(connection: Connection, target: str, results: Sequence[SendResult], now: datetime) -> None:
    """Keep how a receiver stands after a group of answers; a good state that stays good is not written again."""
    before = state = state_of(connection, target, lock=True)
    for result in results:
        state = after(state, result, now)
    if state != before or before.changed_at is None:
        keep_state(connection, state, now)
    if (state.failures and not before.failures) or (state.gone_at and not before.gone_at):
        log.warning("webhooks to %s fail: %s", target, state.reason, extra={"action": "webhook.failing"})


def describe(state: TargetState, now: datetime) -> dict[str, object]:
    """Return one receiver for `boucle status`: on, failing, paused (until when) or gone."""
    paused = state.paused_until is not None and state.paused_until > now
    word = "gone" if state.gone_at else "paused" if paused else "failing" if state.failures else "on"
    return {
        "target": state.target,
        "state": word,
        "reason": state.reason,
        "failures": state.failures,
        "since": state.failing_since.isoformat() if state.failing_since else None,
        "until": state.paused_until.isoformat() if paused and state.paused_until else None,
    }
