"""A reminder follows its question, once, and never an answer."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy

from deliveryparts import DAY, answer, deliver, request_states, send
from embedded import START, Embedded, journey
from postroom import LATER, NEVER, Postman, mails, sender_of, the_mail

from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.records import Response, SurveyRequest


def test_one_reminder_and_never_after_an_answer(boucle: Embedded) -> None:
    """Four days later, once; who has answered gets none."""
    deliver(boucle, "1", "2")
    postman = Postman()
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    (first,) = [request for request in boucle.rows(SurveyRequest) if request.reference == "order-1"]
    assert boucle.parts.customer_actions.answer(first.id, 8)
    for _ in range(20):
        boucle.clock.at += DAY
        boucle.parts.scheduler.wake_all()
        send(dispatching)
    reminders = {mail.recipient: str(mail.state) for mail in mails(boucle, "reminder")}
    assert reminders == {"": "cancelled", "2@example.org": "accepted"}
    (second,) = [request for request in boucle.rows(SurveyRequest) if request.reference == "order-2"]
    assert second.reminded_at == START + 4 * DAY


def test_a_reminder_follows_a_question_that_left_late(boucle: Embedded) -> None:
    """Its wait runs from when the question left, and so does the time to answer."""
    deliver(boucle, "42")
    (request,) = boucle.rows(SurveyRequest)
    postman = Postman({"42@example.org": [LATER] * 9})
    dispatching = sender_of(boucle, postman)
    for _ in range(6):
        send(dispatching)
        boucle.clock.at += DAY
    postman.answers = {}
    send(dispatching)
    left_at = boucle.clock.at
    (sent,) = boucle.rows(SurveyRequest)
    assert (sent.sent_at, sent.closes_at) == (left_at, request.closes_at + 6 * DAY)
    for _ in range(12):
        boucle.clock.at += timedelta(hours=12)
        boucle.parts.scheduler.wake_all()
        send(dispatching)
    assert the_mail(boucle, "reminder").accepted_at == left_at + 4 * DAY


def test_a_reminder_waits_for_its_question(boucle: Embedded) -> None:
    """While the question has not left, nobody is reminded of it."""
    deliver(boucle, "42")
    postman = Postman({"42@example.org": [SendResult(SendKind.LATER, 450, "4.2.0", 30 * 86_400.0)]})
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    boucle.clock.at += 5 * DAY
    send(dispatching)
    reminder = the_mail(boucle, "reminder")
    assert (str(reminder.state), reminder.reason) == ("ready", "not_due")
    boucle.clock.at += 10 * DAY
    boucle.parts.scheduler.wake_all()
    send(dispatching)
    assert str(the_mail(boucle, "reminder").state) == "cancelled"


def test_a_reminder_knows_whether_a_person_opened_the_link(install: Callable[..., Embedded]) -> None:
    """Who clicked and did not confirm is told so; a scanner's click is no click of theirs."""
    texts = {}
    for name, clicks in {"nobody": [], "person": [("GET", "")], "machine": [("HEAD", "head")]}.items():
        boucle = install()
        deliver(boucle, "42")
        postman = Postman()
        send(sender_of(boucle, postman))
        (request,) = boucle.rows(SurveyRequest)
        for method, signal in clicks:
            boucle.parts.customer_actions.click(request.id, 9, method, signal)
        boucle.clock.at += 4 * DAY
        send(sender_of(boucle, postman))
        part = message_from_bytes(postman.posted[1].raw, policy=policy.default).get_body(("plain",))
        assert part is not None
        texts[name] = part.get_content().split("http")[0]
    assert texts["nobody"] == texts["machine"] != texts["person"]


def test_a_question_handed_over_while_it_was_called_back_still_takes_an_answer(boucle: Embedded) -> None:
    """The customer has the link, so it works."""
    deliver(boucle, "42")
    postman = Postman()

    async def refunded() -> None:
        refund = journey("refund", "42", boucle.clock.at, reference="order-42")
        await asyncio.to_thread(boucle.take, refund)
        assert request_states(boucle) == [("withdrawn", "stopped: refund")]

    postman.before = refunded
    send(sender_of(boucle, postman))
    assert request_states(boucle) == [("open", "")]
    answer(boucle, 4)
    assert len(boucle.rows(Response)) == 1


def test_nobody_counts_twice_when_a_sender_says_never_to_a_reminder(boucle: Embedded) -> None:
    """A reminder that fails leaves the request open: the question itself arrived."""
    deliver(boucle, "42")
    postman = Postman()
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    postman.answers["42@example.org"] = [NEVER]
    boucle.clock.at += 4 * DAY
    send(dispatching)
    assert str(the_mail(boucle, "reminder").state) == "failed"
    assert request_states(boucle) == [("open", "")]
