"""How a handing over ended, and what follows from it: tried again, given up, the request sent or undeliverable.

An attempt that is not the newest changes nothing. Nothing here hands anything over.
"""

import logging
import re
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from workers.changes import Changes
from workers.controls import set_control
from workers.dispatching import webhooks
from workers.dispatching.parcels import LEFT_LATE, Parcel, Refused
from workers.handover import SendKind, SendResult
from workers.policy import Policy
from workers.profile import address_key
from workers.records import Dispatch, Suppression, SurveyRequest
from workers.store import claim, read
from workers.store.apply import apply
from workers.words import DispatchState, Reason, RequestState

log = logging.getLogger(__name__)
TRIES_AT_MOST = 12
"""Attempts after which a mail server's "later" is taken as never: two days at the longest pause."""
LONGEST_PAUSE = timedelta(hours=4)
FIRST_PAUSE = timedelta(minutes=1)
COPIES_AT_MOST = 3
WEBHOOK = "webhook"
NO_SUCH_MAILBOX = re.compile(r"(?<![\d.])5\.1\.\d{1,3}(?![\d.])")
"""Enhanced status codes (RFC 3463) that say the address itself is wrong."""


def refuse(connection: Connection, refused: Refused, now: datetime) -> None:
    """Record that a dispatch does not leave, or leaves later."""
    values: dict[str, object] = {"reason": refused.reason, "detail": refused.detail}
    if refused.not_before:
        values["not_before"] = refused.not_before
    claim.end(connection, refused.dispatch, refused.state, now, **values)
    if refused.dispatch.request and refused.state in (DispatchState.FAILED, DispatchState.SUPPRESSED):
        undeliverable(connection, refused.dispatch, refused.reason, now)


def undeliverable(connection: Connection, one: Dispatch, reason: str, now: datetime) -> None:
    """Mark the request of a survey mail that cannot reach its customer; the caller holds the customer's lock."""
    if one.action is not None or one.template == "reminder" or one.customer is None:
        return
    request = read.one(connection, SurveyRequest, one.request)
    if request is None or request.state != RequestState.OPEN:
        return
    changes = Changes()
    changes.change(replace(request, state=RequestState.UNDELIVERABLE, reason=reason, changed_at=now))
    changes.cancel("request", request.id, reason)
    apply(connection, changes, now)


def record_end(connection: Connection, one: Dispatch, result: SendResult, now: datetime) -> bool:
    """Record how one handing over ended, and when it is tried again."""
    text = result.text[:500]
    if result.kind == SendKind.ACCEPTED:
        return claim.accept(connection, one, now, text)
    if result.kind == SendKind.NEVER:
        return claim.end(connection, one, DispatchState.FAILED, now, reason=Reason.REFUSED_BY_SERVER, detail=text)
    if one.kind == WEBHOOK:
        wait = webhooks.next_try(one.id, one.attempt, result)
        if wait is None:
            return claim.end(connection, one, DispatchState.FAILED, now, reason=Reason.REFUSED_BY_SERVER, detail=text)
        return claim.end(connection, one, DispatchState.READY, now, not_before=now + wait, reason="later", detail=text)
    if result.kind == SendKind.UNKNOWN:
        state = DispatchState.READY if one.copies < COPIES_AT_MOST else DispatchState.UNKNOWN
        return claim.end(
            connection, one, state, now, copies=one.copies + 1, not_before=now + FIRST_PAUSE, reason="cut", detail=text
        )
    if one.attempt >= TRIES_AT_MOST and result.kind == SendKind.LATER:
        return claim.end(connection, one, DispatchState.FAILED, now, reason=Reason.REFUSED_BY_SERVER, detail=text)
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(one.attempt - 1, 8))
    if result.retry_after is not None:
        pause = max(pause, timedelta(seconds=result.retry_after))
    return claim.end(connection, one, DispatchState.READY, now, not_before=now + pause, reason="later", detail=text)


def follow(
    connection: Connection,
    parcel: Parcel,
    result: SendResult,
    request: SurveyRequest | None,
    now: datetime,
    changes: Changes,
) -> None:
    """Take the consequences of an end: the request is sent, undeliverable, or sending is paused with an alarm."""
    one = parcel.dispatch
    if one.kind == WEBHOOK:
        return  # its receiver has a breaker of its own; mails are none of its business
    if result.kind == SendKind.OURS:
        set_control(connection, "paused", f"the mail server refuses us: {result.text[:200]}", now, "boucle")
        log.error("sending is paused: %s", result.text, extra={"action": "dispatch.alarm"})
        return
    if request is None or one.action is not None:
        return
    if result.kind == SendKind.NEVER:
        undeliverable(connection, one, Reason.REFUSED_BY_SERVER, now)
    elif result.kind == SendKind.ACCEPTED and one.template == "reminder":
        changes.change(replace(request, reminded_at=now))
    elif result.kind == SendKind.ACCEPTED:
        changes.change(gone_out(request, now))


def gone_out(request: SurveyRequest, now: datetime) -> SurveyRequest:
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
        reason="" if called_back else request.reason,
    )


def suppress_unknown(parcel: Parcel, result: SendResult, policy: Policy, now: datetime, changes: Changes) -> None:
    """Suppress a customer's address that does not exist; the team's stays, because it must be put right by a person."""
    if result.kind != SendKind.NEVER or not NO_SUCH_MAILBOX.search(result.text):
        return
    if parcel.recipient and parcel.recipient.lower() != policy.agents_address.lower():
        changes.add(Suppression(address_key(parcel.recipient, policy.ids), "bounce", now, result.text[:200]))
