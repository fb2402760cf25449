"""A refund that release 0.1.0 took moves the questions of the relationship when the sender of this release starts."""

from datetime import timedelta

from embedded import START, Embedded, about, journey

from workers.domain.changeset import ChangeSet
from workers.domain.records import Customer, Stop, Touchpoint
from workers.domain.types import Effect
from workers.store.apply import apply
from workers.usecases.operation import status

LATER = START + timedelta(days=2)


def bought(reference: str, who: str, at: object = START) -> dict[str, object]:
    """Return a purchase with a delivery to come."""
    return journey("purchase", who, at, reference=reference, delivery_expected=True)  # type: ignore[arg-type]  # an instant


def refunded_before(boucle: Embedded, reference: str, who: str) -> None:
    """Leave what 0.1.0 left of a refund: the fact, and nothing that follows from it for the relationship."""
    (customer,) = [customer for customer in boucle.rows(Customer) if customer.crm_id == who]
    changes = ChangeSet()
    stop = (f"0000000{who}-0000-8000-8000-000000000000", customer.id, "refund", Effect.CANCEL, "reference")
    changes.add(Stop(*stop, reference, LATER, f"shop/refund/{who}"))
    boucle.store.write(lambda connection: apply(connection, changes, LATER))


def milestones(boucle: Embedded, who: str) -> set[tuple[str, str, object]]:
    """Return state, reason and anchor of a customer's milestones."""
    (customer,) = [customer for customer in boucle.rows(Customer) if customer.crm_id == who]
    theirs = [
        touchpoint
        for touchpoint in boucle.rows(Touchpoint)
        if touchpoint.customer == customer.id and touchpoint.trigger == "milestone"
    ]
    return {(str(touchpoint.state), touchpoint.reason, touchpoint.anchor_at) for touchpoint in theirs}


def test_refunds_of_before_move_what_hangs_on_their_purchase(boucle: Embedded) -> None:
    """To the purchase that stands, or away without one; once, and nobody else is touched."""
    boucle.take(bought("A", "1"), bought("A", "2"), bought("B", "2", LATER - timedelta(days=1)), bought("A", "3"))
    boucle.take(bought("A", "4"))
    boucle.clock.at = LATER
    for who in ("1", "2", "4"):
        refunded_before(boucle, "A", who)
    boucle.take(about("erased", "4", LATER))
    assert boucle.parts.scheduler.move_starts() == 2
    assert milestones(boucle, "1") == {("cancelled", "stopped", START)}
    assert milestones(boucle, "2") == {("planned", "", LATER - timedelta(days=1))}
    assert milestones(boucle, "3") == {("planned", "", START)}
    assert boucle.parts.scheduler.move_starts() == 0
    with boucle.store.reading() as connection:
        assert status.read_books(connection).ok()


def test_a_sender_does_it_at_its_start(boucle: Embedded) -> None:
    """Nobody has to know of it; a refund that is taken now says so itself."""
    boucle.take(bought("A", "1"), bought("A", "2"))
    boucle.clock.at = LATER
    refunded_before(boucle, "A", "1")
    boucle.take(journey("refund", "2", LATER, reference="A"))
    boucle.settle()
    assert milestones(boucle, "1") == milestones(boucle, "2") == {("cancelled", "stopped", START)}
    assert boucle.parts.scheduler.move_starts() == 0
