"""An answer at a place: nobody was asked and nobody is known, so that a customer without a name stands behind it.

It is decided like every answer. What the customer may be told or promised needs a way to reach them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from workers.calendar import in_zone
from workers.domain.customer_case import CustomerCase
from workers.domain.places.claims import TEMPLATE
from workers.domain.places.listed import Place
from workers.domain.records import Customer, Dispatch, PlaceAnswer, Response
from workers.domain.reporting.scales import kept_as
from workers.domain.survey.request import language_of
from workers.domain.survey.response import (
    OTHER,
    Answer,
    OutsideScore,
    changed_answer,
    repeats,
    response_for,
    revision_of,
)
from workers.domain.types import CustomerId, DispatchState, Ids, MailClass
from workers.structs import replace

SOURCE = "place"
"""The source of these answers, beside the tools that tell scores."""
NAMELESS = "anonymous-"
"""Begins the id of a customer without a name, where the CRM's stands of all others."""
ADDRESS = "address"
"""Under this name the details of an answer keep a mail address that was typed with it: nobody has confirmed it."""
TAKES_CHANGES = timedelta(days=30)
"""How long whoever answered may change it; reading and deleting it has no end."""


def nameless_customer(place: Place, visit: str, ids: Ids, now: datetime) -> Customer:
    """Return the customer behind one visit of a place: the same page sent twice is the same customer."""
    crm_id = NAMELESS + ids.keyed_hash(SOURCE, place.id, visit)[:24]
    return Customer(CustomerId(ids.derive(None, "customer", crm_id)), crm_id, now, anonymous=True)


def answer_id(place: Place, visit: str, ids: Ids) -> str:
    """Return the id of what was answered in one visit of a place."""
    return ids.derive(None, "place_answer", place.id, visit)


@dataclass(frozen=True, slots=True)
class Left:
    """What somebody left at a place; the address is a claim, `receipt` the reference of a purchase or empty."""

    place: Place
    answer: Answer
    address: str = ""
    receipt: str = ""


def answer_at_place(case: CustomerCase, given: PlaceAnswer, left: Left) -> None:
    """Keep an answer that nobody was asked for: new, changed where the same page is sent again, or nothing.

    Who was merged into a customer meanwhile changes nothing by an old page.
    """
    if case.customer.merged_into or case.customer.erased_at:
        return
    answer = left.answer
    if earlier_answer(case, given) is None:
        about = (answer.at, left.receipt, left.place.label, kept_as(left.place.question))
        score = OutsideScore(SOURCE, given.id, answer, OTHER, *about)
        response = replace(response_for(case, score), place=left.place.id, details=details_of(left.address))
        case.add(given)
        case.add(response)
        case.add(revision_of(response, answer))
    else:
        change_at_place(case, given, answer, left.address)


def change_at_place(case: CustomerCase, given: PlaceAnswer, answer: Answer, address: str) -> None:
    """Change an answer that was given at a place; nothing where it says the same, or there is none."""
    earlier, details = earlier_answer(case, given), details_of(address)
    if earlier is None:
        return
    changed = changed_answer(earlier, answer, case.policy, case.now, closes_at=given.at + TAKES_CHANGES)
    if changed is not earlier or earlier.details != details:
        case.change(replace(changed, details=details))
    if changed.n != earlier.n:
        case.add(revision_of(changed, answer))
    elif changed is not earlier:
        case.change(revision_of(changed, answer))


def details_of(address: str) -> dict[str, str]:
    """Return the details of an answer with a mail address that was typed, or without one."""
    return {ADDRESS: address} if address else {}


def earlier_answer(case: CustomerCase, given: PlaceAnswer) -> Response | None:
    """Return the response that an answer at a place has already, or None."""
    return next((row for row in case.all(Response) if (row.source, row.external_id) == (SOURCE, given.id)), None)


def says_the_same(case: CustomerCase, given: PlaceAnswer, answer: Answer) -> bool:
    """Tell whether an answer at a place was given before with the same score and words."""
    earlier = earlier_answer(case, given)
    return earlier is not None and repeats(earlier, answer)


def reachable(response: Response) -> bool:
    """Tell whether somebody without a name left a way to be contacted, and wants to be."""
    return response.wants_contact and bool(response.phone or response.details.get(ADDRESS))


def claim_mail(case: CustomerCase, given: PlaceAnswer, response: Response, address: str) -> Dispatch:
    """Return the one mail that asks the owner of an address whether the answer is theirs."""
    return Dispatch(
        id=case.ids.derive(given.at, "mail", given.id, TEMPLATE),
        customer=case.id,
        kind="mail",
        mail_class=MailClass.SERVICE,
        template=TEMPLATE,
        language=language_of(case.customer.language, case.policy),
        facts={"label": response.label, "date": in_zone(given.at, case.zone).date().isoformat()},
        request=None,
        response=response.id,
        action=None,
        ticket=None,
        state=DispatchState.READY,
        not_before=case.now,
        created_at=case.now,
        recipient=address,
    )
