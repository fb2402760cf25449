"""A dispatch is in one sender's hands at a time: who stood still, or was not heard, does not act on another's claim."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from embedded import Embedded, journey
from postroom import TAKEN, Postman, prepare, sender_of, the_mail
from sqlalchemy.engine import Connection

from workers.domain.records import Dispatch, SurveyRequest
from workers.domain.types import DispatchState
from workers.store.delivery import claim
from workers.store.delivery.claim import MAIL
from workers.store.engine import database_now
from workers.usecases.delivery.outgoing import OutgoingMessage
from workers.usecases.delivery.recording import End

LEASE = 60.0
ANY = claim.Ready(mails=True, capped_left=None)


def ask(boucle: Embedded) -> None:
    """Ask one customer by mail."""
    boucle.take(journey("delivery", "42", boucle.clock.at, reference="order-1"))
    boucle.parts.scheduler.wake_all()


def claim_mail(boucle: Embedded) -> Dispatch:
    """Claim the only mail that is due."""
    mails: list[Dispatch] = boucle.store.write(
        lambda connection: claim.lease(connection, ANY, boucle.clock.at, LEASE, 9)
    )
    return mails[0]


def let_lease_end(boucle: Embedded) -> None:
    """Take back what is leased, as if its lease had run out."""

    def work(connection: Connection) -> None:
        over = database_now(connection) - timedelta(seconds=1)
        connection.execute(claim.TABLE.update().values(lease_until=over))
        claim.take_back(connection, MAIL, boucle.clock.at)

    boucle.store.write(work)


def give_back(boucle: Embedded, mail: Dispatch) -> bool:
    """Give a claimed mail back."""
    given: bool = boucle.store.write(lambda connection: claim.give_back(connection, mail))
    return given


def test_giving_back_twice_does_not_take_it_from_the_next(boucle: Embedded) -> None:
    """Who does not know that giving back was heard does it again; by then the mail may be another sender's."""
    ask(boucle)
    first = claim_mail(boucle)
    assert give_back(boucle, first)
    second = claim_mail(boucle)
    assert (second.attempt, second.claims) == (1, 2), "given back, it has used up no attempt"
    assert not give_back(boucle, first)
    assert the_mail(boucle).state == DispatchState.LEASED
    assert len(prepare(sender_of(boucle, Postman()), second)) == 1
    assert not give_back(boucle, first)
    assert boucle.store.write(lambda connection: claim.accept(connection, second, boucle.clock.at, "250 kept"))
    assert (the_mail(boucle).state, the_mail(boucle).copies) == (DispatchState.ACCEPTED, 0)


def test_who_stood_still_leaves_what_another_has_claimed_alone(boucle: Embedded) -> None:
    """A sender that goes on after its lease ended neither writes the mail anew nor calls its question undeliverable."""
    ask(boucle)
    stale = claim_mail(boucle)
    let_lease_end(boucle)
    fresh = claim_mail(boucle)
    dispatching = sender_of(boucle, Postman())
    (parcel,) = prepare(dispatching, fresh)
    assert prepare(dispatching, stale) == []
    dispatching.steps.preparation.set_aside(stale, ValueError("broken"), boucle.clock.at)
    (request,) = boucle.rows(SurveyRequest)
    assert str(request.state) == "open"
    assert the_mail(boucle).state == DispatchState.SENDING
    assert the_mail(boucle).message_id == parcel.message_id


def test_a_250_that_was_read_late_is_kept_unless_another_sends_already(boucle: Embedded) -> None:
    """What the server said is true whoever holds the mail by now: a second copy is left unsent."""
    ask(boucle)
    dispatching = sender_of(boucle, Postman())
    late = claim_mail(boucle)
    (parcel,) = prepare(dispatching, late)
    let_lease_end(boucle)
    other = claim_mail(boucle)
    dispatching.steps.turns.take([(parcel, TAKEN)], [])
    assert the_mail(boucle).state == DispatchState.ACCEPTED
    assert prepare(dispatching, other) == []
    (request,) = boucle.rows(SurveyRequest)
    assert request.sent_at == boucle.clock.at


def test_a_250_that_was_read_late_does_not_end_what_another_is_sending(boucle: Embedded) -> None:
    """The other's own end is the one that counts."""
    ask(boucle)
    dispatching = sender_of(boucle, Postman())
    (parcel,) = prepare(dispatching, claim_mail(boucle))
    let_lease_end(boucle)
    (again,) = prepare(dispatching, claim_mail(boucle))
    dispatching.steps.turns.take([(parcel, TAKEN)], [])
    assert the_mail(boucle).state == DispatchState.SENDING
    dispatching.steps.turns.take([(again, TAKEN)], [])
    assert the_mail(boucle).state == DispatchState.ACCEPTED


def test_a_lease_that_ended_while_mails_were_prepared_lets_none_leave(boucle: Embedded) -> None:
    """A process that stood still for longer than its lease gives back what others may have sent meanwhile."""
    ask(boucle)
    postman = Postman()
    dispatching = sender_of(boucle, postman, lease_seconds=LEASE)
    take_quickly = dispatching.steps.turns.take
    hours = 0.0

    def take_and_stand_still(ends: Sequence[End], parcels: Sequence[OutgoingMessage]) -> list[OutgoingMessage]:
        nonlocal hours
        leaving = take_quickly(ends, parcels)
        hours += LEASE  # the clock went on meanwhile
        return leaving

    async def send_some() -> int:
        loop = asyncio.get_running_loop()
        at = loop.time
        loop.time = lambda: at() + hours  # type: ignore[method-assign]  # as a clock is that goes on while we stand
        return await dispatching.send_some()

    dispatching.steps.turns.take = take_and_stand_still  # type: ignore[method-assign]  # the same sender, held up
    assert asyncio.run(send_some()) == 1
    mail = the_mail(boucle)
    assert postman.posted == []
    assert (mail.state, mail.attempt, mail.copies) == (DispatchState.READY, 0, 0)
    assert asyncio.run(sender_of(boucle, postman).send_some()) == 1
    assert len(postman.posted) == 1
