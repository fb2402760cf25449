"""What the tests of tickets share: the shipped policy, a customer, answers, and a desk without a store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count

from workers import app
from workers import settings as settings_module
from workers.domain.changeset import ChangeSet
from workers.domain.customer_state import CustomerState
from workers.domain.policy import Policy
from workers.domain.records import Action, Customer, Response, Ticket, TicketEntry
from workers.domain.reporting.nps import band
from workers.domain.ticket import Roster, TicketAllocator, open_or_join, told_order
from workers.domain.types import ActionState, CustomerId, ResponseState

TUESDAY = datetime(2026, 3, 3, 9, 12, tzinfo=UTC)
"""10:12 in Paris, where the shipped team works 9 to 18 on weekdays."""
WHO = CustomerId("11111111-1111-8111-8111-111111111111")
FOUR_HOURS = timedelta(hours=4)


@cache
def shipped() -> Policy:
    """Return the policy of the shipped tables."""
    return app.Boucle(settings_module.read({"BOUCLE_SECRET": "test", "BOUCLE_HOME": "unused"})).policies.current()


def customer(**more: object) -> Customer:
    """Return a customer with an address and a phone."""
    known = Customer(
        id=WHO,
        crm_id="42",
        created_at=TUESDAY,
        email="42@example.org",
        name="Camille Roux",
        phone="+33 1",
        language="fr",
    )
    return replace(known, **more)  # type: ignore[arg-type]  # fields by name


def desk(*agents: str, leads: tuple[str, ...] = ("Nadia",), away: tuple[str, ...] = ()) -> TicketAllocator:
    """Return a desk with these agents present."""
    numbers, turns = count(1), count(1)
    roster = Roster(agents, leads, frozenset(away))
    return TicketAllocator(lambda: next(numbers), lambda: next(turns), lambda: roster)


def answer(
    score: int = 3, at: datetime = TUESDAY, *, name: str = "r1", comment: str = "broken", **more: object
) -> Response:
    """Return a confirmed answer."""
    response = Response(
        id=shipped().ids.derive(at, "response", name),
        customer=WHO,
        request=None,
        source="test",
        external_id=name,
        trigger="delivery",
        touchpoint="delivery-now",
        reference="1042",
        label="lamp, order 1042",
        details={},
        anchor_at=at,
        asked_at=at,
        after_days=0.0,
        score=score,
        band=band(score).value,
        comment=comment,
        wants_contact=False,
        phone="",
        half_day="",
        channel="mail",
        agent="",
        answered_at=at,
        first_answered_at=at,
        settling_since=at,
        settles_at=at,
        n=1,
        state=ResponseState.DECIDED,
        previous_band="",
    )
    return replace(response, **more)  # type: ignore[arg-type]  # fields by name


def contact_for(response: Response, n: int = 1) -> Action:
    """Return the contact action of an answer's decision."""
    return Action(
        id=shipped().ids.derive(response.answered_at, "action", response.id, str(n)),
        response=response.id,
        decision=n,
        customer=WHO,
        name="urgent_contact",
        template="ack",
        wait="now",
        play="solve",
        due_at=response.answered_at,
        latest_at=None,
        state=ActionState.PLANNED,
        reason="",
        detail="",
        changed_at=response.answered_at,
        version="v",
    )


class Case:
    """One customer's tickets over time: each act is absorbed, and nothing may be added twice."""

    def __init__(self, at_desk: TicketAllocator | None = None, who: Customer | None = None) -> None:
        self.policy = shipped()
        self.facts = CustomerState(who or customer())
        self.desk = at_desk or desk("Léa", "Max")
        self.now = TUESDAY

    def take(self, changes: ChangeSet) -> ChangeSet:
        """Absorb changes; a row that is added must be new, one that is changed must be known."""
        for row in changes.rows_added():
            assert self.facts.get(type(row), *row.key()) is None, f"added twice: {row}"
        for rows in changes.changed.values():
            for row in rows.values():
                assert isinstance(row, Customer) or self.facts.get(type(row), *row.key()) is not None, f"unknown: {row}"
        self.facts.absorb(changes)
        return changes

    def answered(self, score: int = 3, name: str = "r1", due: timedelta = FOUR_HOURS, **more: object) -> Ticket:
        """Let an answer ask for contact now."""
        response = answer(score, self.now, name=name, **more)  # type: ignore[arg-type]  # fields by name
        self.facts.put(response)
        changes, ticket = open_or_join(
            response, contact_for(response), due, self.facts, self.policy, self.now, self.desk
        )
        self.take(changes)
        return ticket

    @property
    def ticket(self) -> Ticket:
        """Return the latest ticket."""
        return max(self.facts.all(Ticket), key=lambda one: one.number)

    def kinds(self) -> list[str]:
        """Return the kinds of the history's lines, in order."""
        return [one.kind for one in sorted(self.facts.all(TicketEntry), key=told_order)]
