"""The owner of an address that was typed at a place says that the answer is theirs, or that it is not.

Confirmed, it joins the customer with this address by the event with which a CRM merges two records; where there is
none, or more than one, whoever answered stays without a name and has an address. Every act is idempotent.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from workers.domain.customer_case import CustomerCase
from workers.domain.places.claims import OPEN_FOR, TEMPLATE, Claim
from workers.domain.records import Customer, Dispatch, PlaceAnswer, Response
from workers.domain.survey.place_answer import ADDRESS
from workers.domain.types import Ingress
from workers.store import read
from workers.store.customer.person_rows import crm_ids_with_address
from workers.store.engine import Store
from workers.store.ledger import Incoming
from workers.structs import replace
from workers.usecases.customer_actions import CustomerActions
from workers.usecases.intake import Intake

CONTENT_TYPE = "application/cloudevents+json"
SOURCE = "boucle/places"
KINDS = (Response, PlaceAnswer)


@dataclass(frozen=True, slots=True)
class ClaimPage:
    """What the page behind the link shows: where and when an answer was left, and what its owner said so far."""

    label: str
    at: datetime
    language: str
    state: Claim


class Claims:
    """Takes what owners of addresses say."""

    def __init__(
        self, store: Store, customer_actions: CustomerActions, intake: Intake, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._customer_actions = customer_actions
        self._intake = intake
        self._now = now

    def page(self, dispatch: str) -> ClaimPage | None:
        """Return what a mail's link shows; None for unknown, erased and too old ones."""
        opened = self._opened(dispatch)
        return opened[1] if opened else None

    def _opened(self, dispatch: str) -> tuple[Dispatch, ClaimPage] | None:
        """Return the mail of a link that counts, and what it shows."""
        mail = self._customer_actions.mail(dispatch)
        if mail is None or mail.template != TEMPLATE or mail.created_at + OPEN_FOR <= self._now():
            return None
        with self._store.reading() as connection:
            customer = read.by_key(connection, Customer, mail.customer)
            response = read.by_owner(connection, Response, mail.customer, mail.response) if mail.response else None
            given = read.by_owner(connection, PlaceAnswer, mail.customer, response.external_id) if response else None
        if customer is None or customer.erased_at or response is None or given is None or not given.claim:
            return None
        return mail, ClaimPage(response.label, response.answered_at, mail.language, Claim(given.claim))

    def confirm(self, dispatch: str) -> bool:
        """Take the answer as the owner's; False for a link that counts no more."""
        opened = self._opened(dispatch)
        if opened is None or not self._say(opened[0], Claim.CONFIRMED):
            return False
        self._join(opened[0])
        return True

    def refuse(self, dispatch: str) -> bool:
        """Forget the address; the answer stays, without a name. False for a link that counts no more."""
        opened = self._opened(dispatch)
        return opened is not None and self._say(opened[0], Claim.REFUSED)

    def _say(self, mail: Dispatch, said: Claim) -> bool:
        """Keep what the owner said; the first word counts."""

        def act(case: CustomerCase) -> bool:
            response = case.get(Response, mail.response)
            given = case.get(PlaceAnswer, response.external_id) if response else None
            if response is None or given is None:
                return False
            if given.claim == Claim.ASKED:
                case.change(replace(given, claim=said))
                details = {name: value for name, value in response.details.items() if name != ADDRESS}
                case.change(replace(response, details=details))
                return True
            return given.claim == said

        return self._customer_actions.act_for_owner(Response, mail.response or "", act, kinds=KINDS)

    def _join(self, mail: Dispatch) -> None:
        """Merge whoever answered into the one customer with the address, or give them the address."""
        with self._store.reading(patient=True) as connection:
            customer = read.by_key(connection, Customer, mail.customer)
            if customer is None or customer.erased_at or not customer.anonymous:
                return
            if customer.merged_into or customer.email:
                return
            owners = crm_ids_with_address(connection, mail.recipient, 2)
        event: dict[str, object] = {
            "specversion": "1.0",
            "id": f"claim-{mail.id}",
            "source": SOURCE,
            "subject": customer.crm_id,
            "time": self._now().isoformat(),
        }
        if len(owners) == 1:
            event |= {"type": "boucle.customer.merged.v1", "data": {"merged_into": owners[0]}}
        else:
            changed = {"id": customer.crm_id, "email": mail.recipient}
            event |= {"type": "boucle.customer.changed.v1", "data": {"customer": changed}}
        self._intake.take([Incoming(json.dumps(event).encode(), {}, CONTENT_TYPE)], Ingress.INSIDE)
