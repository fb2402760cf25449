"""The sender's loop: lease, compose, mark, hand over, record.

`sending` is written for a group of at most the open connections, just before the bytes leave, so that a kill costs at
most that many second copies. Bytes, Message-ID and Date are fixed before the first attempt and never change.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from sqlalchemy.engine import Connection

from workers.addresses import envelope_form, mailbox
from workers.changes import Changes
from workers.composing import Composed, MailFacts, Templates, compose
from workers.controls import Sending, mails_sent_today, sending_now
from workers.dispatching import webhooks
from workers.dispatching.ends import WEBHOOK, alarm, follow, judge_mailbox, record_end, refuse
from workers.dispatching.parcels import (
    Parcel,
    Refused,
    Surroundings,
    card_of,
    opened_by_a_person,
    overtaken,
    too_early,
    too_late,
)
from workers.handover import SendKind, SendResult
from workers.messages import ticket_message
from workers.policy import Policy
from workers.records import Customer, Dispatch, SurveyRequest, Ticket
from workers.store import claim, read, tables
from workers.store.apply import apply, next_number
from workers.store.engine import Store
from workers.store.webhook_targets import state_of
from workers.words import DispatchState, Never, NotNow, Reason

log = logging.getLogger(__name__)
CLAIM_AT_MOST = 500
CANNOT_BE_WRITTEN = "cannot be written"
CLAIMS = "claim"
"""The counter that makes claims wait for each other where a day has a maximum."""


class MailSender(Protocol):
    """Hands one mail over."""

    async def send(self, envelope_from: str, recipient: str, raw: bytes) -> SendResult:
        """Return how the handing over ended; never raises."""


class HookSender(Protocol):
    """Hands one webhook over; `target` names where it goes, for the state that is kept of each receiver."""

    @property
    def target(self) -> str:
        """Return the receiver's name; it holds no secret."""

    async def send(self, dispatch_id: str, body: bytes) -> SendResult:
        """Return how the handing over ended; never raises."""


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
        crm_url: str = "",
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
        self._crm_url = crm_url

    async def send_all(self) -> int:
        """Hand over everything that is ready and return how many attempts it took."""
        total = 0
        while count := await self.send_some():
            total += count
        return total

    async def send_some(self, limit: int = CLAIM_AT_MOST) -> int:
        """Claim some dispatches and hand them over, group by group; return how many were claimed."""
        claimed = await asyncio.to_thread(self._claim, limit)
        left = list(claimed)
        keeping = asyncio.ensure_future(self._keep(left))
        try:
            while left:
                await self._send_group(left[: self._connections])
                del left[: self._connections]
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
        return len(claimed)

    async def _keep(self, left: Sequence[Dispatch]) -> None:
        """Prolong the leases of what is left at a third of their time, also while a slow server keeps us waiting."""
        while True:
            await asyncio.sleep(self._lease / 3)
            with suppress(NotNow):  # the database may be back before the lease ends
                await asyncio.to_thread(self._renew, list(left))

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
                next_number(connection, CLAIMS)  # two claims at once would each take what is left of the day
                left = max(0, self._sending.per_day - mails_sent_today(connection, now, self._policy().zone))
            room = webhooks.may_leave(state_of(connection, self._hooks.target), now) if self._hooks else None
            ready = claim.Ready(state.on, left, state.paused, room)
            return claim.lease(connection, ready, now, self._lease, limit)

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
            paused = not sending_now(connection, self._sending).on  # since they were claimed
            leaving = []
            for one in sorted(group, key=lambda row: row.id):
                if paused and one.kind != WEBHOOK:
                    claim.give_back(connection, one, now)
                    continue
                made = self._make(connection, one, known, now)
                if isinstance(made, Refused):
                    refuse(connection, made, now)
                elif claim.mark_sending(connection, one, made.recipient, made.message_id, until):
                    leaving.append(made)
                else:
                    refuse(connection, Refused(one, DispatchState.CANCELLED, overtaken(one, known)), now)
            return leaving

        return self._store.write(work)

    def _make(self, connection: Connection, one: Dispatch, known: "Surroundings", now: datetime) -> Parcel | Refused:
        """Return the bytes of a dispatch, or why it must not leave."""
        customer = known.customers.get(one.customer or "")
        kept = known.bodies.get(one.id)
        if one.kind == WEBHOOK:
            return self._webhook(connection, one, customer, kept)
        recipient = one.recipient or (customer.email if customer else "") or ""
        refused = too_early(connection, one, known, self._policy(), now) or too_late(one, known, now)
        if refused := refused or self._not_to(one, recipient, known):
            return refused
        if kept is not None:
            raw, sender = kept
            return Parcel(one, self._sending.redirect or envelope_form(recipient), sender, raw, one.message_id)
        try:
            composed = self._compose(connection, one, customer, envelope_form(recipient), now)
        except Never as error:
            return Refused(one, DispatchState.FAILED, CANNOT_BE_WRITTEN, str(error))
        except Exception as error:  # one mail that cannot be composed must not stop the others
            log.exception("mail cannot be written", extra={"action": "dispatch.failed", "dispatch": one.id})
            return Refused(one, DispatchState.FAILED, CANNOT_BE_WRITTEN, f"{type(error).__name__}: {error}")
        claim.keep_body(connection, one.id, composed.raw, composed.return_path)
        to = self._sending.redirect or composed.recipient
        return Parcel(one, to, composed.return_path, composed.raw, composed.message_id)

    def _webhook(
        self, connection: Connection, one: Dispatch, customer: Customer | None, kept: tuple[bytes, str] | None
    ) -> Parcel | Refused:
        if self._hooks and state_of(connection, self._hooks.target).gone_at:
            return Refused(one, DispatchState.FAILED, Reason.REFUSED_BY_SERVER, webhooks.WANTS_NONE)
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
        kind = known.suppressed.get(recipient, "")
        if kind and not (kind == "opt_out" and one.mail_class == "service"):
            return Refused(one, DispatchState.SUPPRESSED, Reason.SUPPRESSED, kind)
        allowed = self._sending.only_to
        if allowed and mailbox(recipient) not in allowed and not self._sending.redirect:
            return Refused(one, DispatchState.SUPPRESSED, "not in BOUCLE_MAIL_ONLY_TO", "")
        return None

    def _compose(
        self, connection: Connection, one: Dispatch, customer: Customer | None, recipient: str, now: datetime
    ) -> Composed:
        facts = dict(one.facts)
        if one.template == "reminder" and one.request:
            facts["kind"] = "clicked" if opened_by_a_person(connection, one.request) else "unclicked"
        if one.template == "ticket" and customer:
            facts |= card_of(connection, one, customer, self._crm_url)
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
        if parcel.dispatch.kind == WEBHOOK:
            if self._hooks is None:
                return SendResult(SendKind.NEVER, 0, "no webhook is set up any more")
            return await self._hooks.send(parcel.dispatch.id, parcel.raw)
        return await self._mails.send(parcel.sender, parcel.recipient, parcel.raw)

    def _record(self, parcels: Sequence[Parcel], results: Sequence[SendResult]) -> None:
        now, policy = self._now(), self._policy()
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
                    follow(connection, parcel, result, request, now, changes)
                    alarm(connection, parcel, result, now, policy.refusals)
                    if not self._sending.redirect:
                        changes.merge(judge_mailbox(connection, parcel, result, policy, now))
            apply(connection, changes, now)
            answers = [result for parcel, result in ends if parcel.dispatch.kind == WEBHOOK]
            if answers and self._hooks is not None:
                webhooks.record(connection, self._hooks.target, answers, now)

        self._store.write(work)
        for parcel, result in ends:
            log.info(
                result.kind,
                extra={"action": "dispatch", "dispatch": parcel.dispatch.id, "template": parcel.dispatch.template},
            )
