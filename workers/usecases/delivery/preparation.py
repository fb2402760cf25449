"""Preparation: a claimed dispatch becomes a parcel with fixed bytes and is marked as leaving, or says why it stays.

One short transaction for some dispatches, under the locks of their customers. Nothing here hands anything over.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from workers.domain.mail.compose import Composed, MailFacts, Templates, compose
from workers.domain.outbound_messages import ticket_message
from workers.domain.policy import Policy
from workers.domain.records import Customer, Dispatch, Ticket
from workers.domain.types import DispatchState, Reason
from workers.errors import Conflict, KeyTaken, Never, NotNow
from workers.store import read
from workers.store.connection import Connection, DBAPIError
from workers.store.delivery import claim
from workers.store.delivery.claim import WEBHOOK
from workers.store.delivery.webhook_targets import state_of
from workers.store.engine import Store
from workers.store.survey.clicks import opened_by_a_person
from workers.text.mail_addresses import envelope_form, mailbox
from workers.text.plain_text import name_of_somebody
from workers.usecases.delivery import webhook_retries
from workers.usecases.delivery.outcomes import refuse
from workers.usecases.delivery.outgoing import (
    DeliveryContext,
    OutgoingMessage,
    Refused,
    card_of,
    overtaken,
    too_early,
    too_late,
)
from workers.usecases.delivery.send_controls import Sending, sending_now

log = logging.getLogger(__name__)
CANNOT_BE_WRITTEN = "cannot be written"
PUT_OFF = timedelta(minutes=1)
"""How long a dispatch waits whose rows other writers held each time it was looked at."""


class Preparation:
    """Makes parcels of dispatches; `hook_target` names the receiver of webhooks, empty without one."""

    def __init__(
        self,
        store: Store,
        policy: Callable[[], Policy],
        templates: Templates,
        sending: Sending,
        *,
        hook_target: str = "",
        crm_url: str = "",
    ) -> None:
        self._store = store
        self._policy = policy
        self._templates = templates
        self._sending = sending
        self._hook_target = hook_target
        self._crm_url = crm_url

    def prepare(self, group: Sequence[Dispatch], now: datetime, lease_seconds: float) -> list[OutgoingMessage]:
        """Compose what may leave, fix its bytes, mark it as sending; record why the rest may not.

        What another sender has claimed meanwhile is that one's affair, and left out.
        """

        def work(connection: Connection) -> list[OutgoingMessage]:
            known = DeliveryContext.of(connection, group, self._policy())
            until = claim.lease_end(connection, lease_seconds)
            paused = not sending_now(connection, self._sending).on  # since they were claimed
            leaving = []
            for claimed in sorted(claim.still_ours(connection, group), key=lambda row: row.id):
                if paused and claimed.kind != WEBHOOK:
                    claim.give_back(connection, claimed)
                    continue
                made = self._make(connection, claimed, known, now)
                if isinstance(made, Refused):
                    refuse(connection, made, now)
                elif claim.mark_sending(connection, claimed, made.recipient, made.message_id, until):
                    leaving.append(made)
                else:
                    refuse(connection, Refused(claimed, DispatchState.CANCELLED, overtaken(claimed, known)), now)
            return leaving

        return self._store.write(work)

    def set_aside(self, dispatch: Dispatch, error: Exception, now: datetime) -> None:
        """End a dispatch that breaks its own preparation; where other writers were in the way it is tried again."""

        def work(connection: Connection) -> None:
            read.lock_customers(connection, [dispatch.customer] if dispatch.customer else [])
            if isinstance(error, Conflict) and not isinstance(error, KeyTaken):
                claim.give_back(connection, dispatch, not_before=now + PUT_OFF)
            else:
                refuse(
                    connection, Refused(dispatch, DispatchState.FAILED, CANNOT_BE_WRITTEN, type(error).__name__), now
                )

        self._store.write(work)

    def _make(
        self, connection: Connection, dispatch: Dispatch, context: DeliveryContext, now: datetime
    ) -> OutgoingMessage | Refused:
        """Return the bytes of a dispatch, or why it must not leave."""
        customer = context.customers.get(dispatch.customer or "")
        kept = context.bodies.get(dispatch.id)
        if dispatch.kind == WEBHOOK:
            return self._webhook(connection, dispatch, customer, kept)
        recipient = dispatch.recipient or (customer.email if customer else "") or ""
        refused = too_early(connection, dispatch, context, self._policy(), now) or too_late(dispatch, context, now)
        if refused := refused or self._not_to(dispatch, recipient, context):
            return refused
        if kept is not None:
            raw, sender = kept
            return OutgoingMessage(
                dispatch, self._sending.redirect or envelope_form(recipient), sender, raw, dispatch.message_id
            )
        try:
            composed = self._compose(connection, dispatch, customer, envelope_form(recipient), now)
        except Never as error:
            return Refused(dispatch, DispatchState.FAILED, CANNOT_BE_WRITTEN, str(error))
        except (DBAPIError, NotNow, OSError, MemoryError):
            raise  # the database's or the machine's fault, and none of this mail's
        except Exception as error:  # one mail that cannot be composed must not stop the others
            log.exception("mail cannot be written", extra={"action": "dispatch.failed", "dispatch": dispatch.id})
            return Refused(dispatch, DispatchState.FAILED, CANNOT_BE_WRITTEN, f"{type(error).__name__}: {error}")
        owner = customer.id if customer else dispatch.customer
        claim.keep_body(connection, dispatch.id, owner, composed.raw, composed.return_path)
        to = self._sending.redirect or composed.recipient
        return OutgoingMessage(dispatch, to, composed.return_path, composed.raw, composed.message_id)

    def _webhook(
        self, connection: Connection, dispatch: Dispatch, customer: Customer | None, kept: tuple[bytes, str] | None
    ) -> OutgoingMessage | Refused:
        if self._hook_target and state_of(connection, self._hook_target).gone_at:
            return Refused(dispatch, DispatchState.FAILED, Reason.REFUSED_BY_SERVER, webhook_retries.WANTS_NONE)
        if kept is not None:
            return OutgoingMessage(dispatch, "", "", kept[0], dispatch.id)
        ticket = read.by_owner(connection, Ticket, dispatch.customer, dispatch.ticket) if dispatch.ticket else None
        if ticket is None or customer is None:
            return Refused(dispatch, DispatchState.CANCELLED, Reason.ERASED)
        body = ticket_message(ticket, "opened", customer.crm_id or "", self._policy())
        claim.keep_body(connection, dispatch.id, customer.id, body, "")
        return OutgoingMessage(dispatch, "", "", body, dispatch.id)

    def _not_to(self, dispatch: Dispatch, recipient: str, context: DeliveryContext) -> Refused | None:
        """Return why a mail must not go to its address: none known, suppressed, or not on the allow-list."""
        if not recipient:
            return Refused(dispatch, DispatchState.FAILED, Reason.NO_ADDRESS)
        kind = context.suppressed.get(recipient, "")
        if kind and not (kind == "opt_out" and dispatch.mail_class == "service"):
            return Refused(dispatch, DispatchState.SUPPRESSED, Reason.SUPPRESSED, kind)
        allowed = self._sending.only_to
        if allowed and mailbox(recipient) not in allowed and not self._sending.redirect:
            return Refused(dispatch, DispatchState.SUPPRESSED, "not in BOUCLE_MAIL_ONLY_TO", "")
        return None

    def _compose(
        self, connection: Connection, dispatch: Dispatch, customer: Customer | None, recipient: str, now: datetime
    ) -> Composed:
        facts = dict(dispatch.facts)
        if dispatch.template == "reminder" and dispatch.request:
            reader = customer.id if customer else dispatch.customer
            facts["kind"] = "clicked" if opened_by_a_person(connection, dispatch.request, reader) else "unclicked"
        if dispatch.template == "ticket" and customer:
            facts |= card_of(connection, dispatch, customer, self._crm_url, self._policy().zone)
        number = facts.get("number")
        mail = MailFacts(
            dispatch_id=dispatch.id,
            template=dispatch.template,
            recipient=recipient,
            language=dispatch.language,
            name="" if dispatch.recipient else name_of_somebody(customer.name or "" if customer else ""),
            request_id=dispatch.request,
            response_id=dispatch.response,
            action_id=dispatch.action,
            ticket_number=number if isinstance(number, int) else None,
            facts=facts,
        )
        return compose(mail, self._templates, self._policy().links, now)
