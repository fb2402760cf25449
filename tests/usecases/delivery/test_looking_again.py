"""What happened between leasing and sending counts: an answer, an opt-out, an erasure, a pause, another address."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from deliveryparts import DAY, deliver, request_states, send, states
from embedded import START, Embedded, about, journey
from postroom import OPEN, Postman, mails, sender_of, the_mail

from workers.domain.records import SurveyRequest, Touchpoint
from workers.store.delivery import sent_mails
from workers.usecases.delivery import send_controls

Meanwhile = Callable[[Embedded, Callable[[], object]], Postman]


@pytest.fixture(params=["written", "marked"])
def meanwhile(request: pytest.FixtureRequest) -> Callable[[Embedded, Callable[[], object]], Postman]:
    """Give what sends while something happens, once, just before a mail that is leased is written, or marked."""

    def send_while(boucle: Embedded, act: Callable[[], object]) -> Postman:
        postman = Postman()
        dispatching = sender_of(boucle, postman)
        step: Any = dispatching.steps.preparation if request.param == "written" else dispatching.steps.turns
        name = "prepare" if request.param == "written" else "take"
        happened: list[object] = []
        work = getattr(step, name)

        def work_after_it(*arguments: Any) -> Any:
            if not happened:
                happened.append(act())
            return work(*arguments)

        setattr(step, name, work_after_it)
        send(dispatching)
        assert happened
        return postman

    return send_while


def test_an_answer_between_leasing_and_sending_calls_the_question_back(boucle: Embedded, meanwhile: Meanwhile) -> None:
    """Answered through another door: the mail that was leased does not leave."""
    deliver(boucle, "42")
    (request,) = boucle.rows(SurveyRequest)
    postman = meanwhile(boucle, lambda: boucle.parts.customer_actions.answer(request.id, 9))
    assert postman.posted == []
    assert states(boucle) == {"42": ("cancelled", "answered")}


def test_an_opt_out_between_leasing_and_sending_counts(boucle: Embedded, meanwhile: Meanwhile) -> None:
    """At once is at once; the question that never left is withdrawn."""
    deliver(boucle, "42")
    postman = meanwhile(boucle, lambda: boucle.parts.customer_actions.stop_asking(the_mail(boucle).id))
    assert postman.posted == []
    assert states(boucle) == {"42": ("cancelled", "opted_out")}
    assert request_states(boucle) == [("withdrawn", "opted_out")]


def test_an_erasure_between_leasing_and_sending_counts(boucle: Embedded, meanwhile: Meanwhile) -> None:
    """Nobody who was erased gets a mail."""
    deliver(boucle, "42")
    postman = meanwhile(boucle, lambda: boucle.take(about("erased", "42", boucle.clock.at)))
    assert postman.posted == []


def test_an_opt_out_under_another_id_between_leasing_and_sending_counts(boucle: Embedded, meanwhile: Meanwhile) -> None:
    """The address is suppressed by then, although its other customer has not changed."""
    boucle.take(about("changed", "b", customer={"id": "b", "email": "A@example.org"}))
    deliver(boucle, "a")
    postman = meanwhile(boucle, lambda: boucle.take(about("opted_out", "b", boucle.clock.at)))
    assert postman.posted == []
    assert states(boucle) == {"a": ("suppressed", "suppressed")}


def test_another_address_between_leasing_and_sending_is_the_one_written_to(
    boucle: Embedded, meanwhile: Meanwhile
) -> None:
    """And by the new name: nothing of what was written before leaves."""
    deliver(boucle, "42")
    new = {"id": "42", "email": "new@example.org", "name": "Dominique Roux"}
    postman = meanwhile(boucle, lambda: boucle.take(about("changed", "42", boucle.clock.at, customer=new)))
    assert postman.recipients() == ["new@example.org"]
    assert b"Dominique" in postman.posted[0].raw
    with boucle.store.reading() as connection:
        assert sent_mails.body_of(connection, the_mail(boucle).id) == postman.posted[0].raw


@pytest.mark.parametrize("touchpoint", ["", "delivery-now"])
def test_a_pause_between_leasing_and_sending_counts(boucle: Embedded, meanwhile: Meanwhile, touchpoint: str) -> None:
    """At once is at once: of what is paused by then nothing leaves, and it is as if it had not been claimed."""
    deliver(boucle, *"abcdef")

    def pause() -> None:
        boucle.store.write(
            lambda connection: send_controls.pause(connection, boucle.clock.at, "ana", touchpoint=touchpoint)
        )

    postman = meanwhile(boucle, pause)
    assert postman.posted == []
    assert {(str(mail.state), mail.attempt) for mail in mails(boucle, "ask-delivery")} == {("ready", 0)}
    with boucle.store.reading() as connection:
        assert sent_mails.body_of(connection, next(mails(boucle, "ask-delivery")).id) is None
    boucle.store.write(
        lambda connection: send_controls.resume(connection, OPEN, boucle.clock.at, "ana", touchpoint=touchpoint)
    )
    send(sender_of(boucle, postman))
    assert len(postman.posted) == 6


def test_an_opt_out_under_another_id_counts_for_the_same_address(boucle: Embedded) -> None:
    """The address is what is written to: it is checked when asking and when sending."""
    boucle.take(about("changed", "b", customer={"id": "b", "email": "A@example.org"}))
    deliver(boucle, "a")
    boucle.take(about("opted_out", "b", boucle.clock.at))
    postman = Postman()
    send(sender_of(boucle, postman))
    assert postman.posted == []
    assert states(boucle) == {"a": ("suppressed", "suppressed")}
    boucle.clock.at += 60 * DAY
    boucle.take(journey("delivery", "a", boucle.clock.at, reference="second"))
    boucle.parts.scheduler.wake_all()
    planned = {
        touchpoint.step: touchpoint.reason for touchpoint in boucle.rows(Touchpoint) if touchpoint.reference == "second"
    }
    assert planned == {"delivery-now": "suppressed", "delivery-6w": ""}


def test_an_opt_out_under_the_id_of_a_merge_stops_the_reminder(boucle: Embedded) -> None:
    """The customer was asked under one id, merged into another one, and opted out there."""
    deliver(boucle, "old")
    postman = Postman()
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    boucle.take(about("changed", "new", customer={"id": "new", "email": "new@example.org"}))
    boucle.take(about("merged", "old", merged_into="new"), about("opted_out", "new", START + timedelta(hours=1)))
    boucle.clock.at += 4 * DAY
    send(dispatching)
    reminder = the_mail(boucle, "reminder")
    assert (str(reminder.state), reminder.reason) == ("cancelled", "opted_out")
    assert len(postman.posted) == 1
