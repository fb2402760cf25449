"""A mail server that is away, or refuses all of ours, costs time and never a mail; it is probed and ends by itself."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import parts as real_parts
import pytest
from embedded import START, Embedded, journey
from postroom import OURS, Postman, mails, sender_of

from workers.domain.delivery_result import SendKind, SendResult
from workers.domain.records import Dispatch, SurveyRequest, Touchpoint
from workers.store.delivery import mail_servers
from workers.usecases.delivery import mail_server
from workers.usecases.delivery.send_controls import sending_now
from workers.usecases.delivery.sender import Delivery
from workers.usecases.operation import inquiry, status

DAY = timedelta(days=1)
AWAY = SendResult(SendKind.LATER, 0, "the mail server is away: Connection refused", everyone=True)
GREETED_554 = replace(OURS, everyone=True, text="5.3.2 no service for you")
NO_LOGIN = SendResult(SendKind.OURS, 535, "5.7.8 wrong password", everyone=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probe at once, so that nobody waits by the clock."""
    monkeypatch.setattr(mail_server, "FIRST_PAUSE", timedelta(milliseconds=1))
    monkeypatch.setattr(mail_server, "LONGEST_PAUSE", timedelta(milliseconds=5))


def deliver(boucle: Embedded, *customers: str) -> None:
    """Let something be delivered to some customers, and ask them."""
    boucle.take(
        *(journey("delivery", customer, boucle.clock.at, reference=f"order-{customer}") for customer in customers)
    )
    boucle.parts.scheduler.wake_all()


def send(dispatching: Delivery) -> int:
    """Hand over everything that is ready."""
    return asyncio.run(dispatching.send_all())


def questions(boucle: Embedded) -> list[Dispatch]:
    """Return the question of each customer."""
    return list(mails(boucle, "ask-delivery"))


def whole_status(boucle: Embedded) -> dict[str, Any]:
    """Return `boucle status`."""
    with boucle.store.reading() as connection:
        told = status.status(connection, boucle.clock.at, sending=sending_now(connection, boucle.parts.sending))
    return cast("dict[str, Any]", told)


def probes_until(boucle: Embedded, dispatching: Delivery, count: int, postman: Postman) -> None:
    """Send until so many mails were tried."""

    def tried() -> bool:
        send(dispatching)
        return len(postman.posted) >= count

    real_parts.poll(tried, 20, f"{count} tries")


@pytest.mark.parametrize("failure", [AWAY, GREETED_554, NO_LOGIN], ids=["away", "554", "login"])
def test_what_a_server_does_to_all_is_counted_against_no_mail(
    boucle: Embedded, failure: SendResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often: no attempt is used up, nothing is paused, and one mail at a time asks whether it is back."""
    monkeypatch.setattr(mail_server, "LOGIN_PAUSE", timedelta(milliseconds=5))
    deliver(boucle, *"abcdef")
    postman = Postman(always=failure)
    dispatching = sender_of(boucle, postman, connections=2)
    send(dispatching)
    first = len(postman.posted)
    probes_until(boucle, dispatching, first + 12, postman)
    assert {(str(dispatch.state), dispatch.attempt, dispatch.copies) for dispatch in questions(boucle)} == {
        ("ready", 0, 0)
    }
    assert {dispatch.reason for dispatch in questions(boucle)} <= {"", "server_away"}
    assert len({parcel.recipient for parcel in postman.posted}) == 6, "each mail asks in its turn"
    told = whole_status(boucle)
    assert told["sending"]["state"] == "on"
    (server,) = told["mail_servers"]
    assert (server["state"], server["waiting"]) == ("away" if failure is AWAY else "refusing", 6)
    assert failure.text.removeprefix("the mail server is away: ") in server["reason"]
    with boucle.store.reading() as connection:
        now, policy = sending_now(connection, boucle.parts.sending), boucle.parts.policies.current()
        story = inquiry.explain(connection, "customer", "a", boucle.clock.at, policy, now)
    mails_told = {one["template"]: one["reason"] for one in cast("list[dict[str, Any]]", cast("Any", story)["mails"])}
    assert "the mail server smtp://mail.example:25 takes no mails since" in mails_told["ask-delivery"]
    assert "mail server" not in mails_told["reminder"], "what is not due yet does not wait for it"
    assert "mail server" in status.as_text(told)
    postman.always = None
    real_parts.poll(lambda: send(dispatching) > 0, 20, "the next probe")
    send(dispatching)
    assert {str(dispatch.state) for dispatch in questions(boucle)} == {"accepted"}
    assert whole_status(boucle)["mail_servers"] == []


def test_while_a_server_is_left_alone_nothing_is_tried(boucle: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two probes no connection is made, and any number of senders make one probe."""
    monkeypatch.setattr(mail_server, "FIRST_PAUSE", timedelta(hours=1))
    monkeypatch.setattr(mail_server, "LONGEST_PAUSE", timedelta(hours=1))
    deliver(boucle, *"abc")
    postman = Postman(always=AWAY)
    dispatching = sender_of(boucle, postman, connections=1)
    send(dispatching)
    assert (send(dispatching), len(postman.posted)) == (0, 1)
    with boucle.store.reading() as connection:
        state = mail_servers.state_of(connection, postman.server)
    boucle.store.write(lambda connection: mail_servers.keep_state(connection, replace(state, probe_at=long_ago(state))))

    async def many() -> None:
        await asyncio.gather(*(sender_of(boucle, postman).send_all() for _ in range(5)))

    asyncio.run(many())
    assert len(postman.posted) == 2


def long_ago(state: mail_servers.ServerState) -> Any:
    """Return an instant at which the next probe is over-due."""
    assert state.probe_at is not None
    return state.probe_at - timedelta(hours=2)


def test_after_four_days_away_a_question_is_undeliverable_and_gives_its_rest_back(boucle: Embedded) -> None:
    """Kept for four days, then given up with the truth; the customer was not asked, and may be at the next occasion."""
    deliver(boucle, "42")
    postman = Postman(always=AWAY)
    dispatching = sender_of(boucle, postman)
    send(dispatching)
    boucle.clock.at += 4 * DAY - timedelta(minutes=1)
    probes_until(boucle, dispatching, 3, postman)
    assert [str(dispatch.state) for dispatch in questions(boucle)] == ["ready"]
    boucle.clock.at += timedelta(minutes=1)
    real_parts.poll(lambda: not send(dispatching) and str(questions(boucle)[0].state) == "failed", 10, "giving up")
    (mail,) = questions(boucle)
    assert (mail.reason, "Connection refused" in mail.detail, mail.attempt) == ("server_away", True, 0)
    assert [(str(request.state), request.reason) for request in boucle.rows(SurveyRequest)] == [
        ("undeliverable", "server_away")
    ]
    policy = boucle.parts.policies.current()
    with boucle.store.reading() as connection:
        told = inquiry.explain(connection, "customer", "42", boucle.clock.at, policy)
    assert told is not None
    text = str(told)
    assert "the mail server took no mails (from 2026-03-03 09:12 UTC on" in text
    assert cast("dict[str, Any]", told["customer"])["rest_until"] is None
    postman.always = None
    boucle.clock.at += DAY
    boucle.take(journey("delivery", "42", boucle.clock.at, reference="second"))
    boucle.parts.scheduler.wake_all()
    asked = {
        touchpoint.reference: str(touchpoint.state)
        for touchpoint in boucle.rows(Touchpoint)
        if touchpoint.step == "delivery-now"
    }
    assert asked == {"order-42": "asked", "second": "asked"}


def test_mails_about_tickets_are_kept_for_longer_and_leave_first(boucle: Embedded) -> None:
    """When the server answers again after five days the team's mail is there, and goes before every other one."""
    deliver(boucle, "42")
    postman = Postman()
    dispatching = sender_of(boucle, postman, connections=1)
    send(dispatching)
    (request,) = boucle.rows(SurveyRequest)
    boucle.parts.customer_actions.answer(request.id, 1)
    boucle.clock.at += timedelta(minutes=2)
    boucle.parts.scheduler.wake_all()
    postman.always = AWAY
    probes_until(boucle, dispatching, 4, postman)
    boucle.clock.at += 5 * DAY
    probes_until(boucle, dispatching, 8, postman)
    deliver(boucle, *"abc")
    postman.always, postman.posted = None, []
    real_parts.poll(lambda: send(dispatching) > 0, 20, "the next probe")
    send(dispatching)
    team = boucle.parts.policies.current().agents_address
    assert team in [parcel.recipient for parcel in postman.posted[:2]]  # the probe may be any mail
    assert {str(dispatch.state) for dispatch in boucle.rows(Dispatch) if dispatch.template in ("ticket", "ack")} == {
        "accepted"
    }


def test_a_server_that_went_away_before_sending_was_held_starts_the_days_anew(boucle: Embedded) -> None:
    """A mail that waited for an operator for a week is not given up at the server's first failure."""
    deliver(boucle, "42")
    boucle.clock.at += 6 * DAY
    postman = Postman(always=AWAY)
    dispatching = sender_of(boucle, postman)
    probes_until(boucle, dispatching, 4, postman)
    assert [str(dispatch.state) for dispatch in questions(boucle)] == ["ready"]
    postman.always = None
    real_parts.poll(lambda: send(dispatching) > 0, 20, "the next probe")
    assert [str(dispatch.state) for dispatch in questions(boucle)] == ["accepted"]


def test_one_mail_at_whose_name_a_server_hangs_up_does_not_keep_the_others(boucle: Embedded) -> None:
    """A refusal that looks like everybody's and is one mail's: the others get out between the probes."""
    deliver(boucle, *"abcd")
    postman = Postman({"a@example.org": [GREETED_554] * 999})
    dispatching = sender_of(boucle, postman, connections=1)

    def others_left() -> bool:
        send(dispatching)
        return [str(dispatch.state) for dispatch in questions(boucle)].count("accepted") == 3

    real_parts.poll(others_left, 20, "the other mails")
    assert boucle.clock.at == START


def test_a_change_is_told_once(boucle: Embedded, caplog: pytest.LogCaptureFixture) -> None:
    """One line when the server goes away and one when it is back, however long that takes."""
    deliver(boucle, *"abc")
    postman = Postman(always=AWAY)
    dispatching = sender_of(boucle, postman)
    probes_until(boucle, dispatching, 12, postman)
    postman.always = None
    real_parts.poll(lambda: send(dispatching) > 0, 20, "the next probe")
    actions = [vars(record).get("action", "") for record in caplog.records]
    assert [action for action in actions if action.startswith("mailserver")] == ["mailserver.away", "mailserver.back"]
