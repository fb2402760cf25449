"""Writing: a claimed dispatch gets its bytes, or the reason why it must not leave. Nothing here marks or records."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from workers.domain.mail.compose import MailFacts, Templates, compose
from workers.domain.mailbox_keys import address_keys
from workers.domain.outbound_messages import ticket_message
from workers.domain.policy import Policy
from workers.domain.records import Customer, Dispatch, Ticket
from workers.domain.reporting import digest
from workers.domain.survey.reminders import REMINDER
from workers.domain.types import DispatchState, Reason
from workers.errors import Never, NotNow
from workers.store import read
from workers.store.connection import Connection, DBAPIError
from workers.store.delivery.claim import WEBHOOK
from workers.store.delivery.webhook_targets import state_of
from workers.store.survey.clicks import opened_by_a_person
from workers.text.mail_addresses import envelope_form, mailbox
from workers.text.plain_text import name_of_somebody
from workers.usecases.delivery import webhook_retries
from workers.usecases.delivery.outgoing import (
    DeliveryContext,
    OutgoingMessage,
    Refused,
    card_of,
    too_early,
    too_late,
)
from workers.usecases.delivery.send_controls import Sending
from workers.usecases.digest import weekly_round

log = logging.getLogger(__name__)
CANNOT_BE_WRITTEN = "cannot be written"


class Writing:
    """Writes mails and webhooks; `hook_target` names the receiver of webhooks, empty without one."""

    def __init__(
        self,
        policy: Callable[[], Policy],
        templates: Templates,
        sending: Sending,
        *,
        hook_target: str = "",
        crm_url: str = "",
    ) -> None:
        self._policy = policy
        self._templates = templates
        self._sending = sending
        self._hook_target = hook_target
        self._crm_url = crm_url

    def write(
        self, connection: Connection, dispatch: Dispatch, context: DeliveryContext, now: datetime
    ) -> OutgoingMessage | Refused:
        """Return the bytes of a dispatch, or why it must not leave.

        Raises what is the database's or the machine's fault (DBAPIError, NotNow, OSError, MemoryError).
        """
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
            to = self._sending.redirect or envelope_form(recipient)
            return self._with_circumstances(
                OutgoingMessage(dispatch, to, sender, raw, dispatch.message_id), recipient, context
            )
        try:
            mail = self._facts(connection, dispatch, customer, envelope_form(recipient), now)
            if mail is None:
                return Refused(dispatch, DispatchState.CANCELLED, Reason.TOO_LATE)
            composed = compose(
                replace(mail, wording=context.wording(dispatch)), self._templates, self._policy().links, now
            )
        except Never as error:
            return Refused(dispatch, DispatchState.FAILED, CANNOT_BE_WRITTEN, str(error))
        except (DBAPIError, NotNow, OSError, MemoryError):
            raise  # the database's or the machine's fault, and none of this mail's
        except Exception as error:  # one mail that cannot be composed must not stop the others
            log.exception("mail cannot be written", extra={"action": "dispatch.failed", "dispatch": dispatch.id})
            return Refused(dispatch, DispatchState.FAILED, CANNOT_BE_WRITTEN, f"{type(error).__name__}: {error}")
        to, owner = self._sending.redirect or composed.recipient, customer.id if customer else dispatch.customer
        parcel = OutgoingMessage(
            dispatch, to, composed.return_path, composed.raw, composed.message_id, kept_under=owner
        )
        return self._with_circumstances(parcel, recipient, context)

    def _with_circumstances(self, parcel: OutgoingMessage, recipient: str, context: DeliveryContext) -> OutgoingMessage:
        """Return a mail with what it was composed by."""
        dispatch = parcel.dispatch
        request, action = context.requests.get(dispatch.request or ""), context.actions.get(dispatch.action or "")
        return replace(
            parcel,
            customer_version=context.versions.get(dispatch.customer or ""),
            address_keys=frozenset(address_keys(recipient, self._policy().ids)),
            touchpoint=request.step if request else "",
            latest_at=action.latest_at if action else None,
            asked_at=request.asked_at if request else None,
        )

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
        return OutgoingMessage(dispatch, "", "", body, dispatch.id, kept_under=customer.id)

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

    def _facts(
        self, connection: Connection, dispatch: Dispatch, customer: Customer | None, recipient: str, now: datetime
    ) -> MailFacts | None:
        """Return what a mail says; None for a digest that nobody waits for any more."""
        facts = dict(dispatch.facts)
        if dispatch.template == digest.TEMPLATE:
            said = weekly_round.facts_when_written(connection, dispatch, self._policy(), now)
            if said is None:
                return None
            facts |= said
        if dispatch.template == REMINDER and dispatch.request:
            reader = customer.id if customer else dispatch.customer
            facts["kind"] = "clicked" if opened_by_a_person(connection, dispatch.request, reader) else "unclicked"
        if dispatch.template == "ticket" and customer:
            facts |= card_of(connection, dispatch, customer, self._crm_url, self._policy().zone)
        number = facts.get("number")
        return MailFacts(
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
