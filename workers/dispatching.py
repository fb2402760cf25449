"""Dispatching: mails and webhooks are leased, composed, marked, handed over, and their ends recorded.

`sending` is written for a group of at most the open connections, just before the bytes leave, so that a kill costs at
most that many second copies. Bytes, Message-ID and Date are fixed before the first attempt and never change.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.changes import Changes
from workers.composing import Composed, MailFacts, Templates, compose
from workers.controls import Sending, mails_sent_today, sending_now, set_control
from workers.handover import SendKind, SendResult
from workers.messages import ticket_message
from workers.policy import Policy
from workers.profile import address_key
from workers.records import Customer, Dispatch, Suppression, SurveyRequest, Ticket
from workers.store import claim, read, tables
from workers.store.apply import apply
from workers.store.engine import Store
from workers.words import DispatchState, Never, Reason, RequestState

log = logging.getLogger(__name__)
CLAIM_AT_MOST = 500
TRIES_AT_MOST = 12
"""Attempts after which a mail server's "later" is taken as never: two days at the longest pause."""
LONGEST_PAUSE = timedelta(hours=4)
FIRST_PAUSE = timedelta(minutes=1)
COPIES_AT_MOST = 3
NO_SUCH_MAILBOX = "5.1."
"""Enhanced status codes (RFC 3463) that say the address itself is wrong."""


class MailSender(Protocol):
    """Hands one mail over."""

    async def send(self, envelope_from: str, recipient: str, raw: bytes) -> SendResult:
        """Return how the handing over ended; never raises."""


class HookSender(Protocol):
    """Hands one webhook over."""

    async def send(self, dispatch_id: str, body: bytes) -> SendResult:
        """Return how the handing over ended; never raises."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One dispatch ready to leave."""

    dispatch: Dispatch
    recipient: str
    sender: str
    raw: bytes
    message_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """One dispatch that must not leave, or not yet."""

    dispatch: Dispatch
    state: DispatchState
    reason: str
    detail: str = ""
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a group of dispatches needs to know, read once; the customers are locked first, in order."""

    customers: Mapping[str, Customer]
    requests: Mapping[str, SurveyRequest]
    bodies: Mapping[str, tuple[bytes, str]]
    suppressed: Mapping[str, str]

    @classmethod
    def of(cls, connection: Connection, group: Sequence[Dispatch], policy: Policy) -> "Surroundings":
        """Lock and read what surrounds a group."""
        customers = read.lock_customers(connection, {one.customer for one in group if one.customer})
        wanted = [one.request for one in group if one.request]
        requests = read.rows(connection, SurveyRequest, tables.survey_request.c.id.in_(wanted)) if wanted else []
        addresses = {one.recipient for one in group if one.recipient} | {one.email for one in customers if one.email}
        return cls(
            customers={one.id: one for one in customers},
            requests={one.id: one for one in requests},
            bodies=claim.bodies_of(connection, group),
            suppressed=read.suppressed(connection, {address_key(one, policy.ids) for one in addresses}),
        )


class Dispatching:
    """Hands over what is ready; any number may run side by side."""

    def __init__(
        self,
        store: Store,
        policy: Callable[[], Policy],
        now: Callable[[], datetime],
        templates: Templates,
        sending: Sending,
        mails: MailSender,
        hooks: HookSender | None,
        *,
        connections: int = 4,
        lease_seconds: float = 60.0,
    ) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        self._templates = templates
        self._sending = sending
        self._mails = mails
        self._hooks = hooks
        self._connections = connections
        self._lease = lease_seconds

    async def send_all(self) -> int:
        """Hand over everything that is ready and return how many attempts it took."""
        total = 0
        while count := await self.send_some():
            total += count
        return total

    async def send_some(self, limit: int = CLAIM_AT_MOST) -> int:
        """Claim some dispatches and hand them over, group by group; return how many were claimed."""
        claimed = await asyncio.to_thread(self._claim, limit)
        renewed = asyncio.get_running_loop().time()
        for start in range(0, len(claimed), self._connections):
            clock = asyncio.get_running_loop().time()
            if clock - renewed > self._lease / 3:
                await asyncio.to_thread(self._renew, claimed[start:])
                renewed = clock
            await self._send_group(claimed[start : start + self._connections])
        return len(claimed)

    def _claim(self, limit: int) -> list[Dispatch]:
        now = self._now()

        with self._store.reading() as connection:
            if not claim.anything(connection, now):
                return []

        def work(connection: Connection) -> list[Dispatch]:
            claim.take_back(connection)
            state = sending_now(connection, self._sending)
            left = None
            if self._sending.per_day:
                left = max(0, self._sending.per_day - mails_sent_today(connection, now, self._policy().zone))
            return claim.lease(connection, claim.Ready(state.on, left, state.paused), now, self._lease, limit)

        return self._store.write(work)

    def _renew(self, ours: Sequence[Dispatch]) -> None:
        self._store.write(lambda connection: claim.renew(connection, ours, self._lease))

    async def _send_group(self, group: Sequence[Dispatch]) -> None:
        """Do one group: 1. wait for the shared rate, 2. compose and mark, 3. hand over, 4. record."""
        if self._sending.per_second:
            wait = await asyncio.to_thread(self._slot, len(group))
            if wait > 0:
                await asyncio.sleep(wait)
        parcels = await asyncio.to_thread(self._prepare, group)
        results = await asyncio.gather(*(self._hand_over(parcel) for parcel in parcels))
        await asyncio.to_thread(self._record, parcels, results)

    def _slot(self, count: int) -> float:
        rate = self._sending.per_second
        return self._store.write(lambda connection: claim.next_slot(connection, "mails", count, rate))

    def _prepare(self, group: Sequence[Dispatch]) -> list[Parcel]:
        """Compose what may leave, fix its bytes, mark it as sending; record why the rest may not."""
        now = self._now()

        def work(connection: Connection) -> list[Parcel]:
            known = Surroundings.of(connection, group, self._policy())
            until = claim.lease_end(connection, self._lease)
            leaving = []
            for one in sorted(group, key=lambda row: row.id):
                made = self._make(connection, one, known, now)
                if isinstance(made, Refused):
                    refuse(connection, made, now)
                elif claim.mark_sending(connection, one, made.recipient, made.message_id, until):
                    leaving.append(made)
                else:
                    refuse(connection, Refused(one, DispatchState.CANCELLED, Reason.ANSWERED), now)
            return leaving

        return self._store.write(work)

    def _make(self, connection: Connection, one: Dispatch, known: "Surroundings", now: datetime) -> Parcel | Refused:
        """Return the bytes of a dispatch, or why it must not leave."""
        customer = known.customers.get(one.customer or "")
        kept = known.bodies.get(one.id)
        if one.kind == "webhook":
            return self._webhook(connection, one, customer, kept)
        recipient = one.recipient or (customer.email if customer else "") or ""
        if refused := too_early(one, known.requests.get(one.request or "")) or self._not_to(one, recipient, known):
            return refused
        if kept is not None:
            raw, sender = kept
            return Parcel(one, self._sending.redirect or recipient, sender, raw, one.message_id)
        try:
            composed = self._compose(connection, one, customer, recipient, now)
        except Never as error:
            return Refused(one, DispatchState.FAILED, "cannot be written", str(error))
        claim.keep_body(connection, one.id, composed.raw, composed.return_path)
        to = self._sending.redirect or composed.recipient
        return Parcel(one, to, composed.return_path, composed.raw, composed.message_id)

    def _webhook(
        self, connection: Connection, one: Dispatch, customer: Customer | None, kept: tuple[bytes, str] | None
    ) -> Parcel | Refused:
        if kept is not None:
            return Parcel(one, "", "", kept[0], one.id)
        ticket = read.one(connection, Ticket, one.ticket) if one.ticket else None
        if ticket is None or customer is None:
            return Refused(one, DispatchState.CANCELLED, Reason.ERASED)
        body = ticket_message(ticket, "opened", customer.crm_id or "", self._policy())
        claim.keep_body(connection, one.id, body, "")
        return Parcel(one, "", "", body, one.id)

    def _not_to(self, one: Dispatch, recipient: str, known: "Surroundings") -> Refused | None:
        """Return why a mail must not go to its address: none known, suppressed, or not on the allow-list."""
        if not recipient:
            return Refused(one, DispatchState.FAILED, Reason.NO_ADDRESS)
        kind = known.suppressed.get(address_key(recipient, self._policy().ids), "")
        if kind and not (kind == "opt_out" and one.mail_class == "service"):
            return Refused(one, DispatchState.SUPPRESSED, Reason.SUPPRESSED, kind)
        allowed = self._sending.only_to
        if allowed and recipient.lower() not in allowed and not self._sending.redirect:
            return Refused(one, DispatchState.SUPPRESSED, "not in BOUCLE_MAIL_ONLY_TO", "")
        return None

    def _compose(
        self, connection: Connection, one: Dispatch, customer: Customer | None, recipient: str, now: datetime
    ) -> Composed:
        facts = dict(one.facts)
        if one.template == "reminder" and one.request:
            clicks = tables.click
            opened = connection.execute(sa.select(clicks.c.id).where(clicks.c.request == one.request).limit(1)).first()
            facts["kind"] = "clicked" if opened else "unclicked"
        if one.template == "ticket" and customer:
            facts |= card_of(customer)
        number = facts.get("number")
        mail = MailFacts(
            dispatch_id=one.id,
            template=one.template,
            recipient=recipient,
            language=one.language,
            name="" if one.recipient else (customer.name or "" if customer else ""),
            request_id=one.request,
            response_id=one.response,
            action_id=one.action,
            ticket_number=number if isinstance(number, int) else None,
            facts=facts,
        )
        return compose(mail, self._templates, self._policy().links, now)

    async def _hand_over(self, parcel: Parcel) -> SendResult:
        if parcel.dispatch.kind == "webhook":
            if self._hooks is None:
                return SendResult(SendKind.NEVER, 0, "no webhook is set up any more")
            return await self._hooks.send(parcel.dispatch.id, parcel.raw)
        return await self._mails.send(parcel.sender, parcel.recipient, parcel.raw)

    def _record(self, parcels: Sequence[Parcel], results: Sequence[SendResult]) -> None:
        now = self._now()
        ends = list(zip(parcels, results, strict=True))

        def work(connection: Connection) -> None:
            owners = {parcel.dispatch.customer for parcel in parcels if parcel.dispatch.customer}
            read.lock_customers(connection, owners)
            wanted = [parcel.dispatch.request for parcel in parcels if parcel.dispatch.request]
            requests = read.rows(connection, SurveyRequest, tables.survey_request.c.id.in_(wanted)) if wanted else []
            known = {one.id: one for one in requests}
            changes = Changes()
            for parcel, result in sorted(ends, key=lambda pair: pair[0].dispatch.id):
                if record_end(connection, parcel.dispatch, result, now):
                    request = known.get(parcel.dispatch.request or "")
                    follow(connection, parcel, result, request, self._policy(), now, changes)
            apply(connection, changes, now)

        self._store.write(work)
        for parcel, result in ends:
            log.info(
                result.kind,
                extra={"action": "dispatch", "dispatch": parcel.dispatch.id, "template": parcel.dispatch.template},
            )


def card_of(customer: Customer) -> dict[str, object]:
    """Return what the ticket mail shows of the customer."""
    return {
        "customer_id": customer.crm_id or "",
        "customer_name": customer.name or "",
        "customer_language": customer.language or "",
        "segment": customer.segment or "",
    }


def too_early(one: Dispatch, request: SurveyRequest | None) -> Refused | None:
    """Return a reminder put back while its survey has not left, or by as much as the survey left late."""
    if one.template != "reminder" or request is None:
        return None
    if request.sent_at is None:
        if request.state != RequestState.OPEN:
            return Refused(one, DispatchState.CANCELLED, Reason.REQUEST_CLOSED)
        return Refused(one, DispatchState.READY, Reason.NOT_DUE, "", one.not_before + timedelta(days=1))
    late = request.sent_at - request.asked_at
    if late > timedelta(hours=12) and not one.reason:
        return Refused(one, DispatchState.READY, Reason.NOT_DUE, "", one.not_before + late)
    return None


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
    policy: Policy,
    now: datetime,
    changes: Changes,
) -> None:
    """Take the consequences of an end: the request is sent, undeliverable, or sending is paused with an alarm."""
    one = parcel.dispatch
    if result.kind == SendKind.OURS:
        set_control(connection, "paused", f"the mail server refuses us: {result.text[:200]}", now, "boucle")
        log.error("sending is paused: %s", result.text, extra={"action": "dispatch.alarm"})
        return
    if request is not None and one.action is None:
        if result.kind == SendKind.ACCEPTED and one.template == "reminder":
            changes.change(replace(request, reminded_at=now))
        elif result.kind == SendKind.ACCEPTED:
            changes.change(replace(request, sent_at=request.sent_at or now))
        elif result.kind == SendKind.NEVER:
            undeliverable(connection, one, Reason.REFUSED_BY_SERVER, now)
    if result.kind == SendKind.NEVER and NO_SUCH_MAILBOX in result.text and not one.recipient:
        key = address_key(parcel.recipient, policy.ids)
        if not read.suppressed(connection, [key]):
            changes.add(Suppression(key, "bounce", now, result.text[:200]))
