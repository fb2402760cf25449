"""Mails leave once, with the same bytes each time; every end is a row with its reason."""

from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
import sqlalchemy as sa
from deliveryparts import DAY, answer, deliver, request_states, send
from embedded import START, Embedded
from postroom import CUT, LATER, NO_SUCH, Postman, sender_of, the_mail

from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.mailbox_keys import address_key
from workers.domain.records import Suppression, SurveyRequest, Testimonial, Touchpoint
from workers.domain.types import MailClass
from workers.store import tables
from workers.store.delivery.claim import COPIES_AT_MOST


def test_a_mail_that_is_taken_is_recorded_with_its_attempt_and_its_bytes(boucle: Embedded) -> None:
    """Accepted, one attempt, no copy; the request knows when it left; nothing leaves again."""
    deliver(boucle, "42")
    postman = Postman()
    assert send(sender_of(boucle, postman)) == 1
    mail = the_mail(boucle)
    assert (str(mail.state), mail.attempt, mail.copies, mail.accepted_at) == ("accepted", 1, 0, START)
    assert mail.recipient == "42@example.org"
    assert mail.message_id in postman.posted[0].raw.decode()
    (request,) = boucle.rows(SurveyRequest)
    assert request.sent_at == START
    assert send(sender_of(boucle, postman)) == 0


def test_later_means_later_and_longer_each_time(boucle: Embedded) -> None:
    """A 4xx is tried again after a pause that doubles, up to four hours; after four days (RFC 5321) it is never."""
    deliver(boucle, "42")
    postman = Postman({"42@example.org": [LATER] * 99})
    dispatching = sender_of(boucle, postman)
    pauses = []
    while str(the_mail(boucle).state) in ("ready", "accepted"):
        assert send(dispatching) >= 1  # its reminder is looked at as well, and waits for it
        mail = the_mail(boucle)
        if str(mail.state) == "ready":
            assert mail.reason == "later"
            pauses.append(mail.not_before - boucle.clock.at)
            left, boucle.clock.at = len(postman.posted), mail.not_before - timedelta(seconds=1)
            send(dispatching)
            assert len(postman.posted) == left
            boucle.clock.at = mail.not_before
    assert [pause.total_seconds() / 60 for pause in pauses] == [1, 2, 4, 8, 16, 32, 64, 128, *[240] * 23]
    assert sum(pauses, timedelta(0)) >= 4 * DAY
    assert len(postman.posted) == len(pauses) + 1
    assert (str(the_mail(boucle).state), the_mail(boucle).reason) == ("failed", "refused_by_server")
    assert len({parcel.raw for parcel in postman.posted}) == 1


def test_what_the_server_asks_us_to_wait_is_waited(boucle: Embedded) -> None:
    """A longer wait that the other side names counts."""
    deliver(boucle, "42")
    send(sender_of(boucle, Postman({"42@example.org": [SendResult(SendKind.LATER, 421, "4.7.0 slow", 900.0)]})))
    assert the_mail(boucle).not_before == START + timedelta(minutes=15)


@pytest.mark.parametrize("first", [[], [LATER]], ids=["at once", "after a 4xx"])
def test_an_address_that_does_not_exist_is_suppressed(boucle: Embedded, first: list[SendResult]) -> None:
    """5.1.1 fails the mail, makes the request undeliverable, calls the reminder back, and is never written to again."""
    deliver(boucle, "42")
    postman = Postman({"42@example.org": [*first, NO_SUCH]})
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    boucle.clock.at += timedelta(minutes=2)
    send(dispatching)
    assert request_states(boucle) == [("undeliverable", "refused_by_server")]
    assert str(the_mail(boucle, "reminder").state) == "cancelled"
    (suppressed,) = boucle.rows(Suppression)
    assert (suppressed.address, suppressed.kind) == (address_key("42@example.org", boucle.parts.ids), "bounce")
    boucle.clock.at += 50 * DAY
    boucle.parts.scheduler.wake_all()
    assert [
        (str(touchpoint.state), touchpoint.reason)
        for touchpoint in boucle.rows(Touchpoint)
        if touchpoint.step == "delivery-6w"
    ] == [("held", "suppressed")]


@pytest.mark.parametrize(
    "text",
    ["550 5.2.2 full", "550 rejected", "554 3.5.1.9 old server", "550 15.1.1 odd", "550 5.1.8 bad sender"],
    ids=lambda text: text[4:9],
)
def test_another_refusal_suppresses_nobody(boucle: Embedded, text: str) -> None:
    """Only what says that the address is wrong does."""
    deliver(boucle, "42")
    send(sender_of(boucle, Postman({"42@example.org": [SendResult(SendKind.NEVER, 550, text)]})))
    assert request_states(boucle) == [("undeliverable", "refused_by_server")]
    assert boucle.rows(Suppression) == []


def test_a_fault_of_the_teams_mailbox_suppresses_no_customer(boucle: Embedded) -> None:
    """The ticket's mail fails; the customer's request and address stay as they are."""
    deliver(boucle, "42")
    postman = Postman()
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    answer(boucle, 1)
    postman.answers[boucle.parts.policies.current().agents_address] = [NO_SUCH]
    send(dispatching)
    assert str(the_mail(boucle, "ticket").state) == "failed"
    assert str(the_mail(boucle, "ack").state) == "accepted"
    assert request_states(boucle) == [("answered", "")]
    assert boucle.rows(Suppression) == []


def test_the_ticket_mail_tells_earlier_scores_and_leads_to_the_crm(install: Callable[..., Embedded]) -> None:
    """Who calls sees what the customer said before, without the score that the ticket is about, and one link away."""
    boucle = install(crm_url="https://crm.example/people/{id}")
    postman = Postman()
    deliver(boucle, "a/1")
    answer(boucle, 9)
    boucle.later(days=60)
    deliver(boucle, "a/1", name="feature_first_used")
    boucle.later(days=10)
    answer(boucle, 2)
    dispatching = boucle.parts.outgoing.delivery(postman)
    send(dispatching)
    (posted,) = postman.to(boucle.parts.policies.current().agents_address)
    body = message_from_bytes(posted.raw, policy=policy.default).get_body(("plain",))
    assert body is not None
    text = str(body.get_content())
    assert "https://crm.example/people/a%2F1" in text
    assert [line.partition("\u00a0: ")[2] for line in text.splitlines() if "/10, " in line] == ["9/10, livraison"]


def test_a_cut_line_is_a_copy_with_the_same_bytes(boucle: Embedded) -> None:
    """Who may have it gets the very same bytes again, and the copy is counted."""
    deliver(boucle, "42")
    postman = Postman({"42@example.org": [CUT]})
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    assert (str(the_mail(boucle).state), the_mail(boucle).reason, the_mail(boucle).copies) == ("ready", "cut", 1)
    boucle.clock.at += timedelta(minutes=5)
    send(dispatching)
    assert (str(the_mail(boucle).state), the_mail(boucle).copies) == ("accepted", 1)
    first, second = postman.posted
    assert first == second


def test_a_line_that_is_always_cut_is_given_up_as_unknown(boucle: Embedded) -> None:
    """Not more than a few copies leave, and the end says that nobody knows."""
    deliver(boucle, "42")
    postman = Postman({"42@example.org": [CUT] * 10})
    dispatching = sender_of(boucle, postman)
    for _ in range(8):
        send(dispatching)
        boucle.clock.at += timedelta(minutes=5)
    assert str(the_mail(boucle).state) == "unknown"
    assert len(postman.posted) == COPIES_AT_MOST + 1
    assert len({parcel.raw for parcel in postman.posted}) == 1


def test_a_promotion_does_not_leave_past_its_deadline(boucle: Embedded) -> None:
    """Within two weeks is a deadline, also when sending was paused when the time came."""
    deliver(boucle, "42")
    postman = Postman()
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    answer(boucle, 10)
    boucle.clock.at += 10 * DAY
    boucle.parts.scheduler.wake_all()
    assert len(boucle.rows(Testimonial)) == 1
    boucle.clock.at += 5 * DAY
    send(dispatching)
    mail = the_mail(boucle, "testimonial")
    assert (str(mail.state), mail.reason, mail.mail_class) == ("cancelled", "too_late", MailClass.PROMOTION)


def test_the_index_of_ready_mails_is_all_that_an_idle_sender_reads(boucle: Embedded) -> None:
    """With nothing due, a look takes no lock: another writer may hold the database."""
    with boucle.store.engine.begin() as connection:
        connection.execute(sa.insert(tables.counter).values(name="held", value=1))
        assert send(sender_of(boucle, Postman())) == 0
