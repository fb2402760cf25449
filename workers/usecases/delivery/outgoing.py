"""What a group of dispatches needs to know before it leaves, and what may keep one of them from leaving.

Read once per group, under the locks of its customers. Nothing here marks or sends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from workers.calendar import in_zone, next_in_window
from workers.domain.mail.links import crm_link
from workers.domain.mail.question_wording import QuestionWording, wording_of
from workers.domain.policy import Policy
from workers.domain.records import Action, Customer, Dispatch, SurveyRequest, Ticket, Touchpoint
from workers.domain.reporting.scales import scale_of
from workers.domain.survey import reminders
from workers.domain.survey.planning import zone_of
from workers.domain.types import CustomerId, DispatchState, MailClass, Reason, RequestState
from workers.store import read
from workers.store.connection import Connection
from workers.store.delivery import claim, departures
from workers.store.survey.responses import latest_scores
from workers.store.survey.wordings import wordings_by_id

SCORES_SHOWN = 5
LEFT_LATE = timedelta(hours=12)
"""A question that left later than this after it was asked moves its reminder and its closing with it."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One dispatch ready to leave.

    The rest is what it was composed by, so that a change since is seen just before it leaves: the version of the
    customer (None: nobody looks, it is decided anew), the keyed spellings of the address, the touchpoint, the deadline,
    when its question was asked.
    `kept_under`: the customer under whom its bytes are still to be kept; None where they are kept.
    """

    dispatch: Dispatch
    recipient: str
    sender: str
    raw: bytes
    message_id: str
    customer_version: str | None = None
    address_keys: frozenset[str] = frozenset()
    touchpoint: str = ""
    latest_at: datetime | None = None
    kept_under: CustomerId | None = None
    asked_at: datetime | None = None

    def is_late(self, now: datetime) -> bool:
        """Tell whether a question leaves so late after it was asked that its dates move with it."""
        return self.asked_at is not None and now - self.asked_at > LEFT_LATE


@dataclass(frozen=True, slots=True)
class Refused:
    """One dispatch that must not leave, or not yet."""

    dispatch: Dispatch
    state: DispatchState
    reason: str
    detail: str = ""
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """What a group of dispatches needs to know, read once; where it decides, the customers are locked first."""

    customers: Mapping[str, Customer]
    versions: Mapping[str, str]
    """Each customer as one text, by which a change is seen; of those who were merged there is none."""
    requests: Mapping[str, SurveyRequest]
    actions: Mapping[str, Action]
    bodies: Mapping[str, tuple[bytes, str]]
    suppressed: Mapping[str, str]
    wordings: Mapping[str, QuestionWording]
    """Those that the requests were asked in, by their ids."""

    @classmethod
    def of(
        cls, connection: Connection, group: Sequence[Dispatch], policy: Policy, *, locking: bool = True
    ) -> "DeliveryContext":
        """Read what surrounds a group; `locking` its customers, in order."""
        owners = people(connection, {dispatch.customer for dispatch in group if dispatch.customer}, locking=locking)
        customers = list(owners.values())
        whose = {*owners, *(customer.id for customer in customers)}
        asked = [dispatch.request for dispatch in group if dispatch.request]
        requests = read.with_owners(connection, SurveyRequest, whose, asked) if asked else []
        promised = [mail.action for mail in group if mail.action and mail.mail_class == MailClass.PROMOTION]
        actions = read.with_owners(connection, Action, whose, promised) if promised else []
        addresses = {dispatch.recipient for dispatch in group if dispatch.recipient} | {
            customer.email for customer in customers if customer.email
        }
        return cls(
            customers=owners,
            versions=departures.customer_versions(connection, {key for key, who in owners.items() if who.id == key}),
            requests={request.id: request for request in requests},
            actions={action.id: action for action in actions},
            bodies=claim.bodies_of(connection, group, whose),
            suppressed=read.suppressed_addresses(connection, addresses, policy.ids),
            wordings=wordings_by_id(connection, {wording_of(request) for request in requests}),
        )

    def wording(self, dispatch: Dispatch) -> QuestionWording | None:
        """Return the wording in which the question that a mail belongs to was asked."""
        request = self.requests.get(dispatch.request or "")
        return self.wordings.get(wording_of(request)) if request else None


def people(connection: Connection, owners: set[CustomerId], *, locking: bool) -> dict[str, Customer]:
    """Read the owners of dispatches and return who each of them is: merged since it was leased, the other one."""

    def read_some(ids: set[CustomerId]) -> list[Customer]:
        return read.lock_customers(connection, ids) if locking else read.with_ids(connection, Customer, ids)

    customers = {customer.id: customer for customer in read_some(owners)} if owners else {}
    while missing := {customer.merged_into for customer in customers.values() if customer.merged_into} - set(customers):
        customers |= {customer.id: customer for customer in read_some(missing)}

    def who(customer: Customer) -> Customer:
        while customer.merged_into and customer.merged_into in customers:
            customer = customers[customer.merged_into]
        return customer

    return {key: who(customer) for key, customer in customers.items()}


def too_early(
    connection: Connection, dispatch: Dispatch, context: DeliveryContext, policy: Policy, now: datetime
) -> Refused | None:
    """Return a reminder put back while what it follows has not left, or until its wait from then on is over."""
    request = context.requests.get(dispatch.request or "")
    if dispatch.template != reminders.REMINDER or request is None:
        return None
    if request.sent_at is None:
        if request.state != RequestState.OPEN:
            return Refused(dispatch, DispatchState.CANCELLED, Reason.REQUEST_CLOSED)
        return Refused(dispatch, DispatchState.READY, Reason.NOT_DUE, "", now + timedelta(days=1))
    touchpoint = read.by_owner(connection, Touchpoint, request.customer, request.journey, request.step)
    customer = context.customers.get(request.customer)
    waits = reminders.waits_of(touchpoint.reminder) if touchpoint else ()
    number = reminders.number_of(dispatch.facts)
    if customer is None or number > len(waits):
        return None
    zone = zone_of(customer, policy)
    due = reminders.due_after(waits[:number], request.sent_at, request.reminded_at, zone)
    if due is None:
        return Refused(dispatch, DispatchState.READY, Reason.NOT_DUE, "", now + timedelta(days=1))
    due = next_in_window(due, policy.window, zone, policy.holidays)
    return Refused(dispatch, DispatchState.READY, Reason.NOT_DUE, "", due) if due - LEFT_LATE > now else None


def too_late(dispatch: Dispatch, context: DeliveryContext, now: datetime) -> Refused | None:
    """Return a promotion that waited past its deadline, because sending was held or the day full."""
    action = context.actions.get(dispatch.action or "")
    if action is None or action.latest_at is None or now <= action.latest_at or dispatch.copies:
        return None
    return Refused(dispatch, DispatchState.CANCELLED, Reason.TOO_LATE)


def overtaken(dispatch: Dispatch, context: DeliveryContext) -> str:
    """Return what happened between leasing a mail and marking it, so that it must not leave."""
    customer, request = context.customers.get(dispatch.customer or ""), context.requests.get(dispatch.request or "")
    if customer is not None and customer.erased_at:
        return Reason.ERASED
    opted_out = customer is not None and (customer.opted_out_at or customer.merged_into)
    if opted_out and dispatch.mail_class != MailClass.SERVICE and not (request and request.state != RequestState.OPEN):
        return Reason.OPTED_OUT
    answered = request is not None and request.state == RequestState.ANSWERED
    return Reason.ANSWERED if answered else Reason.REQUEST_CLOSED


def card_of(
    connection: Connection, dispatch: Dispatch, customer: Customer, crm_url: str, zone: str
) -> dict[str, object]:
    """Return what the ticket mail shows of the customer: who they are, their earlier scores, where the CRM has them."""
    return {
        "crm_url": crm_link(crm_url, customer.crm_id or ""),
        "history": earlier_scores(connection, dispatch, customer, zone),
        "customer_id": customer.crm_id or "",
        "customer_name": customer.name or "",
        "customer_language": customer.language or "",
        "segment": customer.segment or "",
    }


def earlier_scores(
    connection: Connection, dispatch: Dispatch, customer: Customer, zone: str
) -> list[dict[str, object]]:
    """Return the customer's last scores but the ticket's own, the newest first, with their days in the brand's zone."""
    ticket = read.by_owner(connection, Ticket, customer.id, dispatch.ticket) if dispatch.ticket else None
    scores = latest_scores(connection, customer.id, SCORES_SHOWN, but=ticket.response if ticket else None)
    return [
        {
            "date": in_zone(response.answered_at, zone).date().isoformat(),
            "score": response.score,
            "highest": scale_of(response.question).highest,
            "touchpoint": response.trigger,
        }
        for response in scores
    ]
