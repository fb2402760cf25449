"""What the tests of tickets share: the shipped policy, a customer, answers, and an allocator without a store."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache

from workers import app
from workers import settings as settings_module
from workers.domain.changeset import ChangeSet
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.policy import Policy
from workers.domain.records import Action, Customer, Response, Ticket, TicketEntry
from workers.domain.reporting.nps import band
from workers.domain.ticket import history_order, open_or_join
from workers.domain.ticket_allocator import Roster, TicketAllocator
from workers.domain.types import ActionState, CustomerId, ResponseState
from workers.store.new_rows import KEPT_ONCE
from workers.structs import replace

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
    standard = Customer(
        id=WHO,
        crm_id="42",
        created_at=TUESDAY,
        email="42@example.org",
        name="Camille Roux",
        phone="+33 1",
        language="fr",
    )
    return replace(standard, **more)  # type: ignore[arg-type]  # fields by name


def desk(*agents: str, leads: tuple[str, ...] = ("Nadia",), away: tuple[str, ...] = ()) -> TicketAllocator:
    """Return an allocator with numbers and turns to spare, and these agents present."""
    return TicketAllocator(list(range(1, 1_000)), list(range(1, 1_000)), Roster(agents, leads, frozenset(away)))


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


def changes_of(case: CustomerCase, step: Callable[[], object]) -> ChangeSet:
    """Return what a step changes: what it adds must be new, what it changes known; when it fails nothing stays."""
    keys_before, before = {(type(row), row.key()) for row in case.rows()}, case.checkpoint()
    try:
        step()
    except BaseException:
        case.roll_back(before)
        raise
    changes = case.work.hand_over()
    for row in changes.rows_added():
        assert type(row) in KEPT_ONCE or (type(row), row.key()) not in keys_before, f"added twice: {row}"
    for kind, rows in changes.changed.items():
        assert not (strange := [key for key in rows if (kind, key) not in keys_before]), f"unknown: {kind} {strange}"
    return changes


def copy_of(case: CustomerCase) -> CustomerCase:
    """Return a case of its own that knows what this one knows now."""
    return CustomerCase(case.customer, UnitOfWork(case.policy, case.now, case.work.allocator), case.rows())


class Case(CustomerCase):
    """One customer's tickets over time."""

    def __init__(self, at_desk: TicketAllocator | None = None, who: Customer | None = None) -> None:
        super().__init__(who or customer(), UnitOfWork(shipped(), TUESDAY, at_desk or desk("Léa", "Max")))

    def at(self, now: datetime) -> None:
        """Let it be an instant."""
        self.work.now = now

    def later(self, by: timedelta) -> None:
        """Let time pass."""
        self.work.now += by

    def act(self, doing: Callable[..., object], *arguments: object, **more: object) -> ChangeSet:
        """Do an act on the latest ticket."""
        return changes_of(self, lambda: doing(self, self.ticket, *arguments, **more))

    def answered(self, score: int = 3, name: str = "r1", due: timedelta = FOUR_HOURS, **more: object) -> Ticket:
        """Let an answer ask for contact now."""
        response = answer(score, self.now, name=name, **more)  # type: ignore[arg-type]  # fields by name
        self.know(response)
        changes_of(self, lambda: open_or_join(self, response, contact_for(response), due))
        return self.open_ticket() or self.ticket

    @property
    def ticket(self) -> Ticket:
        """Return the latest ticket."""
        return max(self.all(Ticket), key=lambda ticket: ticket.number)

    def kinds(self) -> list[str]:
        """Return the kinds of the history's lines, in order."""
        return [ticket_entry.kind for ticket_entry in sorted(self.all(TicketEntry), key=history_order)]
