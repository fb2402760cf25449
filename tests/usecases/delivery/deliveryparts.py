"""What the tests of delivery share: customers are asked, mails handed over, states read."""

import asyncio
from datetime import timedelta

from embedded import Embedded, journey

from workers.domain.records import Customer, Dispatch, SurveyRequest
from workers.usecases.delivery.sender import Delivery

DAY = timedelta(days=1)


def deliver(boucle: Embedded, *customers: str, name: str = "delivery") -> None:
    """Let something be delivered to some customers, and ask them."""
    boucle.take(*(journey(name, customer, boucle.clock.at, reference=f"order-{customer}") for customer in customers))
    boucle.parts.scheduler.wake_all()


def send(dispatching: Delivery) -> int:
    """Hand over everything that is ready."""
    return asyncio.run(dispatching.send_all())


def states(boucle: Embedded) -> dict[str, tuple[str, str]]:
    """Return state and reason of each customer's survey mail, by address."""
    by_address: dict[str, tuple[str, str]] = {}
    customers = {customer.id: customer for customer in boucle.rows(Customer)}
    for dispatch in boucle.rows(Dispatch):
        if dispatch.customer and dispatch.request and not dispatch.action and dispatch.template != "reminder":
            by_address[str(customers[dispatch.customer].crm_id)] = (str(dispatch.state), dispatch.reason)
    return by_address


def request_states(boucle: Embedded) -> list[tuple[str, str]]:
    """Return state and reason of every survey request."""
    return sorted((str(request.state), request.reason) for request in boucle.rows(SurveyRequest))


def answer(boucle: Embedded, score: int, comment: str = "", *, settle: bool = True) -> None:
    """Answer the newest request, and let the answer settle."""
    newest = max(boucle.rows(SurveyRequest), key=lambda request: request.asked_at)
    assert boucle.parts.customer_actions.answer(newest.id, score, comment)
    if settle:
        boucle.clock.at += timedelta(minutes=2)
        boucle.parts.scheduler.wake_all()
