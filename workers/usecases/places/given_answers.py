"""An answer at a place, by the link that whoever gave it was shown: read, changed, or taken back. Nobody else has it.

Changing is the way of the page sent again. Taking back forgets whoever answered as a person is forgotten: the score
stays where it was counted and leads to nobody. Every act is idempotent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from workers.domain.changeset import ChangeSet
from workers.domain.customer.erasure import erase
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.places.claims import Claim
from workers.domain.policy import Policy
from workers.domain.records import Consent, Customer, PlaceAnswer, Response, Row
from workers.domain.survey.place_answer import ADDRESS, TAKES_CHANGES, change_at_place, earlier_answer
from workers.domain.survey.response import Answer
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.survey import places as stored
from workers.structs import replace
from workers.usecases.customer_actions import CUSTOMER, case_of_owner
from workers.usecases.places.place_answers import Said, claim_address, has_owner_spoken

TO_CHANGE = (Response, PlaceAnswer)
TO_FORGET: tuple[type[Row], ...] = (*read.OF_A_CUSTOMER, Consent, PlaceAnswer)


class GivenState(StrEnum):
    """What may be done with an answer by its link."""

    OPEN = "open"
    """It may be changed and taken back."""
    SETTLED = "settled"
    """It is too old to be changed, and may be taken back."""
    APART = "apart"
    """It came past a limit: it may be read and taken back."""
    JOINED = "joined"
    """The owner of an address said that it is theirs: it is a known person's, and the link shows nothing any more."""
    GONE = "gone"
    """It was taken back, or whoever gave it was erased."""


@dataclass(frozen=True, slots=True)
class GivenPage:
    """What the link shows: where, when and what was answered; nothing of what is joined or gone."""

    state: GivenState
    at: datetime
    language: str = ""
    label: str = ""
    answer: Said | None = None
    question: str | None = None
    """What was asked: csat or ces. None: an NPS question."""


class GivenAnswers:
    """Carries out what people do with the answers that they gave without a name."""

    def __init__(self, store: Store, policy: Callable[[], Policy], now: Callable[[], datetime]) -> None:
        self._store = store
        self._policy = policy
        self._now = now

    def page(self, id: str) -> GivenPage | None:
        """Return what the link of an answer shows; None for an id of none."""
        with self._store.reading() as connection:
            given = read.by_key(connection, PlaceAnswer, id) if read.is_id(id) else None
            if given is None:
                return None
            if given.held:
                return page_of_held(given, self._label_of(given))
            customer = read.by_key(connection, Customer, given.customer)
            responses = read.rows_with(connection, Response, customer=given.customer, external_id=given.id)
        if customer is None:
            return None
        response = responses[0] if responses else None
        state = state_of(customer, given, response, self._now())
        if response is None or state in (GivenState.JOINED, GivenState.GONE):
            return GivenPage(state, given.at)
        address = str(response.details.get(ADDRESS, ""))
        answer = Said(response.score, response.comment, response.wants_contact, response.phone, address)
        return GivenPage(state, given.at, customer.language or "", response.label, answer, response.question)

    def _label_of(self, given: PlaceAnswer) -> str:
        place = self._policy().places.get(given.place)
        return place.label if place else ""

    def change(self, id: str, said: Said) -> bool:
        """Change an answer where it says something else; False where it takes no change. Raises NotNow."""
        policy, now = self._policy(), self._now()

        def work(connection: Connection) -> bool:
            unit = UnitOfWork(policy, now)
            case, given = self._case(connection, unit, id, TO_CHANGE)
            earlier = earlier_answer(case, given) if case and given else None
            if case is None or given is None or state_of(case.customer, given, earlier, now) != GivenState.OPEN:
                return False
            channel = earlier.channel if earlier else ""
            answer = Answer(said.score, said.comment, said.wants_contact, now, said.phone, said.half_day, channel)
            address = "" if has_owner_spoken(case, given.id, said.address) else said.address
            change_at_place(case, given, answer, address)
            if address:
                claim_address(connection, case, given.id, given.place, address)
            apply(connection, unit.hand_over(), now)
            return True

        return read.is_id(id) and self._store.write(work)

    def take_back(self, id: str) -> bool:
        """Forget an answer and whoever gave it, but for the score; False for one that is a known person's, or none."""
        policy, now = self._policy(), self._now()

        def work(connection: Connection) -> bool:
            unit = UnitOfWork(policy, now)
            case, given = self._case(connection, unit, id, TO_FORGET)
            if case is None:
                return forget_held(connection, id, now)
            if given is None or state_of(case.customer, given, earlier_answer(case, given), now) == GivenState.JOINED:
                return False
            if not case.customer.erased_at:
                erase(case, by=CUSTOMER)
                apply(connection, unit.hand_over(), now)
                stored.keep_turn(connection, given)
            return True

        return read.is_id(id) and self._store.write(work)

    @staticmethod
    def _case(
        connection: Connection, unit: UnitOfWork, id: str, kinds: tuple[type, ...]
    ) -> tuple[CustomerCase | None, PlaceAnswer | None]:
        """Lock whoever gave an answer and return their case with it; None where nobody stands behind it."""
        case = case_of_owner(connection, unit, PlaceAnswer, id, kinds)
        return case, case.get(PlaceAnswer, id) if case else None


def state_of(customer: Customer, given: PlaceAnswer, response: Response | None, now: datetime) -> GivenState:
    """Return what may be done with an answer that counts."""
    if (not customer.anonymous and not customer.erased_at) or given.claim == Claim.CONFIRMED:
        return GivenState.JOINED
    if customer.erased_at or response is None:
        return GivenState.GONE
    return GivenState.OPEN if now < given.at + TAKES_CHANGES else GivenState.SETTLED


def page_of_held(given: PlaceAnswer, label: str) -> GivenPage:
    """Return what the link of an answer shows that was kept apart."""
    if given.score is None:
        return GivenPage(GivenState.GONE, given.at)
    return GivenPage(
        GivenState.APART, given.at, label=label, answer=Said(given.score, given.comment), question=given.question
    )


def forget_held(connection: Connection, id: str, now: datetime) -> bool:
    """Forget what an answer said that was kept apart, and keep that there was one; False where there is none."""
    given = read.by_key(connection, PlaceAnswer, id)
    if given is None or not given.held:
        return False
    if given.score is not None:
        changes = ChangeSet()
        changes.change(replace(given, score=None, comment=""))
        apply(connection, changes, now)
    return True
