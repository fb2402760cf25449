"""A mail that waits for its address, as it is stored, told and lifted: whatever event brings the address."""

import email
import email.policy
from datetime import timedelta

import pytest
import sqlalchemy as sa
from embedded import START, Embedded, about, journey, score

from workers.domain.changeset import ChangeSet
from workers.domain.mailbox_keys import address_key
from workers.domain.records import Action, Dispatch, Suppression, SurveyRequest, Touchpoint
from workers.store import tables
from workers.store.apply import apply
from workers.usecases.delivery.mailbox_health import HARD_BOUNCE
from workers.usecases.operation import inquiry, status
from workers.usecases.privacy.suppressions import Suppressions


def told(boucle: Embedded, group: str, customer: str = "1") -> list[str]:
    """Return the sentences that explain says of a group of one customer's rows."""
    with boucle.store.reading() as connection:
        found = inquiry.explain(connection, "customer", customer, boucle.clock.now(), boucle.parts.policies.current())
    assert found is not None
    return [str(one["reason"]) for one in found[group]]  # type: ignore[attr-defined]


def sums_hold(boucle: Embedded) -> bool:
    """Tell whether the books add up."""
    with boucle.store.reading() as connection:
        return status.read_books(connection).ok()


@pytest.mark.parametrize("name", ["changed", "delivery", "purchase"])
def test_the_thanks_of_a_score_that_came_first_leave_when_the_address_comes(boucle: Embedded, name: str) -> None:
    """Whichever event tells it; until then explain says what is waited for, and until when."""
    boucle.take(score(10, "1", trigger="onboarding_finished"))
    boucle.settle()
    assert told(boucle, "actions") == [
        "Held: no mail address of the customer is known; it is given up on 10 March at 10:12."
    ]
    assert boucle.rows(Dispatch) == []
    boucle.clock.at += timedelta(hours=1)
    more = {"delivery_expected": True} if name == "purchase" else {}
    event = (
        about(name, "1", boucle.clock.at, customer={"id": "1", "email": "1@example.org"})
        if name == "changed"
        else journey(name, "1", boucle.clock.at, reference="A", **more)
    )
    boucle.take(event)
    boucle.settle()
    assert [str(dispatch.state) for dispatch in boucle.rows(Dispatch) if dispatch.template == "thanks"] == ["accepted"]
    assert told(boucle, "actions") == ["Done on 3 March at 11:12: the mail “thanks”."]
    assert sums_hold(boucle)


def test_a_thanks_whose_address_never_comes_is_given_up_truly(boucle: Embedded) -> None:
    """Explain says what it was held for, and stays true when the address comes after that."""
    boucle.take(score(10, "1", trigger="onboarding_finished"))
    boucle.later(days=8)
    boucle.take(about("changed", "1", boucle.clock.at, customer={"id": "1", "email": "1@example.org"}))
    boucle.settle()
    said = "Skipped: it would have come too late; it was held because no mail address of the customer was known."
    assert told(boucle, "actions") == [said]
    assert [dispatch for dispatch in boucle.rows(Dispatch) if dispatch.action] == []
    assert sums_hold(boucle)


def test_the_acknowledgement_of_a_ticket_leaves_when_the_address_comes(boucle: Embedded) -> None:
    """Explain says that the ticket is open and its mail waits; the mail promises nothing that is over by then."""
    boucle.take(score(2, "1", trigger="onboarding_finished"))
    boucle.settle()
    why = "no mail address of the customer is known; it is given up on 10 March at 10:12."
    said = f"Held: ticket 1 is open, and the mail that tells the customer so waits: {why}"
    assert told(boucle, "actions") == [said]
    assert [dispatch for dispatch in boucle.rows(Dispatch) if dispatch.action] == []
    assert sums_hold(boucle)
    boucle.later(days=2)
    boucle.take(about("changed", "1", boucle.clock.at, customer={"id": "1", "email": "1@example.org"}))
    boucle.settle()
    assert told(boucle, "actions") == ["Done on 5 March at 10:12: ticket 1 and the mail “we will contact you”."]
    (mail,) = [dispatch for dispatch in boucle.rows(Dispatch) if dispatch.action]
    assert (mail.template, str(mail.state)) == ("ack", "accepted")
    query = sa.select(tables.dispatch_body.c.body).where(tables.dispatch_body.c.dispatch == mail.id)
    with boucle.store.reading() as connection:
        raw = connection.execute(query).scalar_one()
    plain = email.message_from_bytes(raw, policy=email.policy.default).get_body(("plain",))
    assert plain is not None
    assert "dès que possible" in plain.get_content()
    assert "mardi" not in plain.get_content()
    assert sums_hold(boucle)


def test_an_acknowledgement_that_was_never_written_is_told_truly(boucle: Embedded) -> None:
    """The ticket stands as done, and why no mail went with it."""
    boucle.take(score(2, "1", trigger="onboarding_finished"))
    boucle.later(days=8)
    why = "it would have come too late; it was held because no mail address of the customer was known."
    said = f"Done on 11 March at 10:12: ticket 1, without the mail that tells the customer so: {why}"
    assert told(boucle, "actions") == [said]
    assert sums_hold(boucle)


def test_a_lifted_suppression_lets_go_what_waited_for_the_mailbox(boucle: Embedded) -> None:
    """The question and the thanks, at the next look; nobody has to tell the address again."""
    boucle.take(about("changed", "1", customer={"id": "1", "email": "Jean@exämple.fr"}))
    bounced = ChangeSet()
    bounced.add(Suppression(address_key("jean@exämple.fr", boucle.parts.ids), HARD_BOUNCE, START, "5.1.1"))
    with boucle.store.engine.begin() as connection:
        apply(connection, bounced, START)
    delivered = journey("delivery", "1", reference="A")
    delivered["data"]["customer"]["email"] = "jean@exämple.fr"
    boucle.take(delivered, score(10, "1", trigger="onboarding_finished"))
    boucle.settle()
    waiting = {
        touchpoint.step: (str(touchpoint.state), touchpoint.reason)
        for touchpoint in boucle.rows(Touchpoint)
        if touchpoint.step == "delivery-now"
    }
    assert waiting == {"delivery-now": ("held", "suppressed")}
    assert [(str(action.state), action.reason) for action in boucle.rows(Action)] == [("held", "suppressed")]
    assert boucle.rows(SurveyRequest) == []
    assert told(boucle, "actions")[0].startswith("Held: mail to the customer's address is suppressed (bounce)")
    boucle.clock.at += timedelta(hours=3)
    lifted = Suppressions(boucle.store, boucle.parts.policies.current, boucle.clock.now)
    assert lifted.lift("jean@xn--exmple-cua.fr", "they moved back", by="lea") is not None
    boucle.settle()
    assert sorted(dispatch.template for dispatch in boucle.rows(Dispatch) if str(dispatch.state) == "accepted") == [
        "ask-delivery",
        "thanks",
    ]
    assert sums_hold(boucle)
