"""A mail in hand whose customer is merged into another meanwhile stays one mail, with one text and one end."""

import asyncio
from datetime import timedelta

from embedded import Embedded, about, journey
from postroom import LATER, TAKEN, Postman, prepare, sender_of, the_mail

from workers.domain.records import Dispatch, SurveyRequest
from workers.domain.types import DispatchState
from workers.store.delivery import claim, departures
from workers.store.delivery.sent_mails import body_of

LEASE = 60.0
ANY = claim.Ready(mails=True, capped_left=None)


def ask(boucle: Embedded) -> Dispatch:
    """Ask one customer by mail and claim that mail."""
    boucle.take(journey("delivery", "42", boucle.clock.at, reference="order-1"))
    boucle.parts.scheduler.wake_all()
    (mail,) = boucle.store.write(lambda connection: claim.lease(connection, ANY, boucle.clock.at, LEASE, 9))
    return mail


def merge(boucle: Embedded) -> None:
    """Let the CRM say that the customer is another one, of whom nothing was known."""
    boucle.take(about("merged", "42", boucle.clock.at, merged_into="43"))


def test_a_mail_that_was_claimed_before_the_merge_leaves_once(boucle: Embedded) -> None:
    """Its lease is renewed, it is composed, marked and recorded, all under the customer whose it is by now."""
    claimed = ask(boucle)
    merge(boucle)
    moved = the_mail(boucle)
    assert moved.customer != claimed.customer
    boucle.store.write(lambda connection: departures.renew_many(connection, [claimed], 2 * LEASE))
    assert moved.lease_until is not None
    assert the_mail(boucle).lease_until > moved.lease_until + timedelta(seconds=LEASE / 2)  # type: ignore[operator]  # leased
    dispatching = sender_of(boucle, Postman())
    (parcel,) = prepare(dispatching, claimed)
    assert the_mail(boucle).state == DispatchState.SENDING
    dispatching.steps.turns.take([(parcel, TAKEN)], [])
    (request,) = boucle.rows(SurveyRequest)
    assert (the_mail(boucle).state, request.sent_at) == (DispatchState.ACCEPTED, boucle.clock.at)
    assert (the_mail(boucle).customer, request.customer) == (moved.customer, moved.customer)


def test_a_mail_that_is_leaving_during_the_merge_has_its_end_recorded(boucle: Embedded) -> None:
    """What the server said is known of the row that moved: it does not leave again when its lease ends."""
    claimed = ask(boucle)
    dispatching = sender_of(boucle, Postman())
    (parcel,) = prepare(dispatching, claimed)
    merge(boucle)
    dispatching.steps.turns.take([(parcel, TAKEN)], [])
    assert (the_mail(boucle).state, the_mail(boucle).copies) == (DispatchState.ACCEPTED, 0)
    with boucle.store.reading() as connection:
        assert body_of(connection, claimed.id) == parcel.raw


def test_a_mail_that_is_tried_again_after_the_merge_is_the_same_to_the_byte(boucle: Embedded) -> None:
    """Its text moved with it: it is not composed anew."""
    ask(boucle)
    postman = Postman(answers={"42@example.org": [LATER]})
    dispatching = sender_of(boucle, postman)
    boucle.store.write(lambda connection: claim.give_back(connection, the_mail(boucle)))
    asyncio.run(dispatching.send_all())
    merge(boucle)
    boucle.clock.at += timedelta(days=1)
    asyncio.run(dispatching.send_all())
    first, second = postman.posted
    assert (first.raw, first.sender) == (second.raw, second.sender)
    assert the_mail(boucle).state == DispatchState.ACCEPTED
