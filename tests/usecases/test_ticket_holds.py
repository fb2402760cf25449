"""A ticket that everybody forgot holds its customer back for a time and not for good, and explain says so."""

from datetime import timedelta
from pathlib import Path

from embedded import Embedded, about, journey, score
from teamparts import House

from workers.decision_table import load_contrary
from workers.domain import ticket as ticketing
from workers.domain.customer_case import CustomerCase
from workers.domain.records import Ticket, TicketEntry, Touchpoint
from workers.usecases.operation import inquiry


def forgotten(boucle: Embedded) -> None:
    """Give a customer with an untouched ticket, and a delivery just after."""
    boucle.take(about("changed", "1"), score(2, "1", boucle.clock.at))
    boucle.settle()


def explain(boucle: Embedded) -> dict[str, object]:
    """Return what is explained of the customer."""
    with boucle.store.reading() as connection:
        explanation = inquiry.explain(connection, "customer", "1", boucle.clock.now(), boucle.parts.policies.current())
    assert explanation is not None
    return explanation


def test_a_forgotten_ticket_holds_for_sixty_days(boucle: Embedded) -> None:
    """Within them nothing is asked, and explain says until when; afterwards the customer is asked again."""
    forgotten(boucle)
    boucle.later(days=40)
    boucle.take(journey("delivery", "1", boucle.clock.at, reference="first"))
    boucle.settle()
    (held,) = [touchpoint for touchpoint in boucle.rows(Touchpoint) if touchpoint.step == "delivery-now"]
    assert (held.state, held.detail) == ("held", "ticket_opened")
    reason = str(explain(boucle)["next_ask"]["reason"])  # type: ignore[index]
    assert "a ticket is open; this holds until" in reason.lower()
    assert "at most" in reason
    boucle.later(days=21)
    boucle.take(journey("delivery", "1", boucle.clock.at, reference="second"))
    boucle.settle()
    states = {
        touchpoint.reference: str(touchpoint.state)
        for touchpoint in boucle.rows(Touchpoint)
        if touchpoint.step == "delivery-now"
    }
    assert states["second"] == "asked"


def test_an_overdue_ticket_is_told_to_the_lead_every_working_day(tmp_path: Path) -> None:
    """Once when it is overdue, then daily from Monday to Friday, until somebody has made contact; never twice a day."""
    house = House(tmp_path)
    house.staff()
    ticket = house.low("1")
    for _ in range(14 * 6):
        house.later(hours=4)
    days = [entry.at.date() for entry in house.rows(TicketEntry) if entry.kind == "overdue"]
    assert len(days) == len(set(days)) == 10
    assert all(day.weekday() < 5 for day in days)
    house.act(ticket.number, called)
    for _ in range(5):
        house.later(days=1)
    assert sum(entry.kind == "overdue" for entry in house.rows(TicketEntry)) == 10
    house.close()


def called(case: CustomerCase, ticket: Ticket) -> None:
    """Call in vain: a first contact."""
    ticketing.attempt(case, ticket, ticketing.Call("Léa"))


def test_the_limit_of_a_hold_is_a_cell_of_the_contrary_table() -> None:
    """A table without the column has it for tickets; an empty cell is no limit; other holds have none by themselves."""
    head = b"event;effect;scope;until"
    ticket = b"ticket_opened;hold;customer;ticket_done +P7D"
    without = load_contrary(head + b"\n" + ticket + b"\ncomplaint_opened;hold;customer;complaint_closed\n")
    assert [rule.at_most.iso() if rule.at_most else "" for rule in without] == ["P60D", ""]
    filled = load_contrary(head + b";at most\n" + ticket + b";P20D\n")
    assert [rule.at_most.iso() for rule in filled if rule.at_most] == ["P20D"]
    assert [rule.at_most for rule in load_contrary(head + b";at most\n" + ticket + b";\n")] == [None]
    assert timedelta(days=20).days == filled[0].at_most.days  # type: ignore[union-attr]
