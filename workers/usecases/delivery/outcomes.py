"""How a handing over ended, and what follows from it: tried again, given up, the request sent or undeliverable.

An attempt that is not the newest changes nothing. Nothing here hands anything over.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from workers.domain.changeset import Cancellation, ChangeSet
from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.mail.bounce_parser import BounceKind, meaning_of
from workers.domain.mail.deliverability import RefusalRule
from workers.domain.policy import Policy
from workers.domain.records import Dispatch, Row, SurveyRequest
from workers.domain.survey.reminders import REMINDER
from workers.domain.types import NOBODY, DispatchState, Reason, RequestState
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.delivery import claim
from workers.store.delivery.claim import WEBHOOK
from workers.structs import replace
from workers.text.plain_text import for_log
from workers.usecases.delivery import webhook_retries
from workers.usecases.delivery.mailbox_health import HARD_BOUNCE, failures_of, given_up, suppress
from workers.usecases.delivery.outgoing import LEFT_LATE, OutgoingMessage, Refused
from workers.usecases.delivery.send_controls import count_refusal

log = logging.getLogger(__name__)
LONGEST_PAUSE = timedelta(hours=4)
FIRST_PAUSE = timedelta(minutes=1)
REFUSED_AT_MOST = 3
"""Attempts after which a mail that one server refuses because of us is given up; the others go on."""
CUT = "cut"


def refuse(connection: Connection, refused: Refused, now: datetime) -> None:
    """Record that a dispatch does not leave, or leaves later; nothing follows where another sender has it by now."""
    values: dict[str, object] = {"reason": refused.reason, "detail": refused.detail}
    if refused.not_before:
        values["not_before"] = refused.not_before
    ended = claim.end(connection, refused.dispatch, refused.state, now, **values)
    if ended and refused.dispatch.request and refused.state in (DispatchState.FAILED, DispatchState.SUPPRESSED):
        undeliverable(connection, refused.dispatch, refused.reason, now)


def undeliverable(connection: Connection, dispatch: Dispatch, reason: str, now: datetime) -> None:
    """Mark the request of a survey mail that cannot reach its customer; the caller holds the customer's lock."""
    if dispatch.action is not None or dispatch.template == REMINDER or dispatch.customer is None:
        return
    request = read.by_owner(connection, SurveyRequest, dispatch.customer, dispatch.request)
    if request is None or request.state != RequestState.OPEN:
        return
    changes = ChangeSet()
    changes.change(replace(request, state=RequestState.UNDELIVERABLE, reason=reason, changed_at=now))
    changes.cancel(Cancellation(request.customer, "request", request.id, reason))
    apply(connection, changes, now)


def record_end(connection: Connection, dispatch: Dispatch, result: SendResult, now: datetime, policy: Policy) -> bool:
    """Record how one handing over ended, and when it is tried again."""
    text = result.text[:500]
    if result.kind == SendKind.ACCEPTED:
        return claim.accept(connection, dispatch, now, text)
    if dispatch.kind == WEBHOOK:
        return record_webhook(connection, dispatch, result, now)
    if result.everyone:  # nobody looked at this mail: no attempt of its own is used up
        return claim.give_back(connection, dispatch, changed_at=now, reason=Reason.SERVER_AWAY, detail=text)
    if result.kind == SendKind.UNKNOWN:
        if not claim.may_leave_again(dispatch):
            return claim.end(connection, dispatch, DispatchState.UNKNOWN, now, reason=CUT, detail=text)
        again = {"copies": dispatch.copies + 1, "not_before": now + FIRST_PAUSE}
        return claim.end(connection, dispatch, DispatchState.READY, now, reason=CUT, detail=text, **again)
    if result.kind == SendKind.NEVER or is_given_up(dispatch, result, policy):
        return claim.end(connection, dispatch, DispatchState.FAILED, now, reason=Reason.REFUSED_BY_SERVER, detail=text)
    pause = pause_before(dispatch.attempt + 1)
    if result.kind == SendKind.OURS:
        pause = LONGEST_PAUSE  # a server that refuses us does so in a minute as well
    if result.retry_after is not None:
        pause = max(pause, timedelta(seconds=result.retry_after))
    return claim.end(
        connection, dispatch, DispatchState.READY, now, not_before=now + pause, reason="later", detail=text
    )


def record_webhook(connection: Connection, dispatch: Dispatch, result: SendResult, now: datetime) -> bool:
    """Record how a webhook that was not taken ended; it is tried again by the times of its own."""
    text = result.text[:500]
    wait = None if result.kind == SendKind.NEVER else webhook_retries.next_try(dispatch.id, dispatch.attempt, result)
    if wait is None:
        return claim.end(connection, dispatch, DispatchState.FAILED, now, reason=Reason.REFUSED_BY_SERVER, detail=text)
    return claim.end(connection, dispatch, DispatchState.READY, now, not_before=now + wait, reason="later", detail=text)


def pause_before(attempt: int) -> timedelta:
    """Return how long a mail that was put off waits before an attempt (the first is 1): doubled up to four hours."""
    doubled: int = 2 ** min(max(attempt - 2, 0), 8)
    return min(LONGEST_PAUSE, FIRST_PAUSE * doubled)


def tries_within(kept: timedelta) -> int:
    """Return after how many attempts a mail server's "later" is taken as never: so many that it was kept that long."""
    waited, attempt = timedelta(0), 1
    while waited < kept:
        attempt += 1
        waited += pause_before(attempt)
    return attempt


def apply_outcome(
    connection: Connection,
    parcel: OutgoingMessage,
    result: SendResult,
    request: SurveyRequest | None,
    now: datetime,
    changes: ChangeSet,
    policy: Policy,
) -> None:
    """Take the consequences of an end: the request is sent, or undeliverable."""
    dispatch = parcel.dispatch
    if dispatch.kind == WEBHOOK:
        return  # its receiver has a breaker of its own; mails are none of its business
    if request is None or dispatch.action is not None:
        return
    if is_over(dispatch, result, policy):
        undeliverable(connection, dispatch, Reason.REFUSED_BY_SERVER, now)
    elif result.kind == SendKind.ACCEPTED and dispatch.template == REMINDER:
        changes.change(replace(request, reminded_at=now))
    elif result.kind == SendKind.ACCEPTED:
        changes.change(mark_sent(request, now))


def is_over(dispatch: Dispatch, result: SendResult, policy: Policy) -> bool:
    """Tell whether a mail is refused for good, or was put off often enough."""
    return (result.kind == SendKind.NEVER and not result.everyone) or is_given_up(dispatch, result, policy)


def is_given_up(dispatch: Dispatch, result: SendResult, policy: Policy) -> bool:
    """Tell whether a mail that was put off or refused because of us has been tried often enough."""
    if result.everyone:
        return False
    if result.kind == SendKind.LATER:
        return dispatch.attempt >= tries_within(policy.keep.of(dispatch.mail_class))
    return result.kind == SendKind.OURS and dispatch.attempt >= REFUSED_AT_MOST


def alarm(
    connection: Connection, parcel: OutgoingMessage, result: SendResult, now: datetime, rule: RefusalRule
) -> None:
    """Count a refusal because of us by its recipient's domain; several unrelated ones pause all mail.

    What the server says before it hears of a recipient is the server's affair (mail_server.py), and pauses it alone.
    """
    if result.kind != SendKind.OURS or result.everyone or parcel.dispatch.kind == WEBHOOK:
        return
    if count_refusal(connection, parcel.recipient, result.text, now, rule):
        log.error("sending is paused: %s", for_log(result.text), extra={"action": "dispatch.alarm"})
    else:
        log.warning("a mail was refused because of us: %s", for_log(result.text), extra={"action": "dispatch.refused"})


def mark_sent(request: SurveyRequest, now: datetime) -> SurveyRequest:
    """Return a request whose question has left: it takes answers for as long as if it had left when it was asked.

    One that was called back while it was being handed over is open again, because the customer has the link.
    """
    late = now - request.asked_at
    called_back = request.state == RequestState.WITHDRAWN
    return replace(
        request,
        sent_at=request.sent_at or now,
        closes_at=request.closes_at + late if late > LEFT_LATE and request.sent_at is None else request.closes_at,
        state=RequestState.OPEN if called_back else request.state,
        reason="" if called_back and request.reason != Reason.ANSWERED else request.reason,
    )


def judge_mailbox(
    connection: Connection, parcel: OutgoingMessage, result: SendResult, policy: Policy, now: datetime
) -> Iterator[Row]:
    """Give the rows that suppress a customer's address that does not exist, or took nothing for long.

    The end of this handing over is recorded already. The team's address stays: a person must put it right.
    """
    dispatch = replace(parcel.dispatch, recipient=parcel.recipient)
    failed = is_over(dispatch, result, policy)
    if (
        dispatch.kind == WEBHOOK
        or not failed
        or not result.code
        or dispatch.customer == NOBODY
        or dispatch.recipient.lower() == policy.agents_address.lower()
    ):
        return
    kind, _ = meaning_of(f"{result.code} {result.text}")
    if kind == BounceKind.HARD:
        yield suppress(dispatch, HARD_BOUNCE, result.text, policy, now)
    elif kind != BounceKind.OURS:
        yield from given_up(dispatch, failures_of(connection, dispatch, policy, now), policy, now)
